"""What the lab chat says: three hints for each task, and why its answer works."""

HINTS = {
    "door": [
        """\
Five calls, in this order: the API, the integration, the routes, the stage; and the function's permission.""",
        """\
`v2.create_api` takes `ProtocolType="WEBSOCKET"` and `RouteSelectionExpression="$request.body.action"`. An integration
of the type `AWS_PROXY` has the long address of the function as `IntegrationUri`. A route's `Target` is
`integrations/ID`.""",
        """\
`v2.create_api(Name="circle", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")`, then
`v2.create_integration(ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=uri)`, then for each key
`v2.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integration_id}")`, then
`v2.create_stage(ApiId=api_id, StageName="live", AutoDeploy=True)`, then `lambda_.add_permission(
FunctionName="circle-chat", StatementId="circle", Action="lambda:InvokeFunction",
Principal="apigateway.amazonaws.com")`.""",
    ],
    "presence": [
        """\
Write two functions, `connect(event, me)` and `disconnect(event, me)`, and put them into `ROUTES`. Only the first
one's event has a query.""",
        """\
`event.get("queryStringParameters") or {}` has `name` and `room`, if the member gave them. `members.put_item` and
`members.delete_item(Key={"id": me})` do the rest. A status of 400 refuses.""",
        """\
`def connect(event, me): asked = event.get("queryStringParameters") or {}`; if `asked.get("name")` or
`asked.get("room")` is missing `return {"statusCode": 400}`; else `members.put_item(Item={"id": me, "name":
asked["name"], "room": asked["room"]})` and `return {"statusCode": 200}`. `disconnect` calls
`members.delete_item(Key={"id": me})`. At the end: `ROUTES["$connect"] = connect` and `ROUTES["$disconnect"] =
disconnect`. Then `circle.deploy(PRESENCE)`.""",
    ],
    "rooms": [
        """\
Three things are needed: code that pushes to the members of one room, the address to push to, and the role's
permission to do so.""",
        """\
The sender's row says the room: `members.get_item(Key={"id": me})["Item"]`. The client is
`boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CALLBACK_URL"])`. The action that the role
needs is `execute-api:ManageConnections`.""",
        """\
In `say`: `sender = members.get_item(Key={"id": me})["Item"]`; for `each in members.scan()["Items"]` with
`each["room"] == sender["room"]` call `push(each["id"], text)`. In `push`:
`clients.post_to_connection(ConnectionId=identifier, Data=text.encode())`. Set the variable with
`lambda_.update_function_configuration(FunctionName="circle-chat", Environment={"Variables": {"CALLBACK_URL":
circle.address().replace("ws", "http", 1)}})`, and put a policy with `execute-api:ManageConnections` on `*` to
`circle-role` with `iam.put_role_policy`.""",
    ],
    "stale": [
        """\
The push to a member who has vanished raises an error. Which one, and what should happen to the row?""",
        """\
`clients.exceptions.GoneException`. Catch it in `push`, so that the loop goes on.""",
        """\
Write `push` anew: `try: clients.post_to_connection(ConnectionId=identifier, Data=text.encode())`, then `except
clients.exceptions.GoneException: members.delete_item(Key={"id": identifier})`. Deploy all parts, this one last:
`circle.deploy(PRESENCE, SAY, PUSH)`.""",
    ],
    "who": [
        """\
A route `who`, which answers. The function's `body` goes back only if the route has a route response.""",
        """\
`v2.create_route` takes `RouteResponseSelectionExpression="$default"`; then `v2.create_route_response(...,
RouteResponseKey="$default")`. The function returns `{"statusCode": 200, "body": json.dumps({"present": names})}`.""",
        """\
`route = v2.create_route(ApiId=api_id, RouteKey="who", Target=target,
RouteResponseSelectionExpression="$default")`, then `v2.create_route_response(ApiId=api_id,
RouteId=route["RouteId"], RouteResponseKey="$default")`. In the function: `room = members.get_item(Key={"id":
me})["Item"]["room"]`, `names = sorted(each["name"] for each in members.scan()["Items"] if each["room"] ==
room)`, and `ROUTES["who"] = who`.""",
    ],
    "page": [
        """\
A page is fetched by HTTP: this is another API, of another kind. It needs its integration, one route, a stage,
and permission to call `circle-page`.""",
        """\
`ProtocolType="HTTP"`, `PayloadFormatVersion="2.0"` in the integration, the route `GET /`, and the stage `$default`,
which needs no name in the address.""",
        """\
`v2.create_api(Name="circle-page", ProtocolType="HTTP")`, `v2.create_integration(ApiId=page_id,
IntegrationType="AWS_PROXY", IntegrationUri=page_arn, PayloadFormatVersion="2.0")`,
`v2.create_route(ApiId=page_id, RouteKey="GET /", Target=...)`, `v2.create_stage(ApiId=page_id,
StageName="$default", AutoDeploy=True)`, and `lambda_.add_permission(FunctionName="circle-page",
StatementId="page", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")`.""",
    ],
}

WHY = {
    "door": """\
**Why it works.** The API holds the connections, the selection expression sends each message to a route, and the
permission lets API
Gateway call your function.

**On AWS** the address begins with `wss://`, and the permission should name the API in `SourceArn`: otherwise each API
of any account that knows the function's name could try.""",
    "presence": """\
**Why it works.** The upgrade waits for `$connect`: who gives no name is never connected. The table remembers what
the function
cannot, and `$disconnect` takes it back.

**On AWS** `$disconnect` is a best effort. Give each row a TTL as well: no connection lives longer than two hours.""",
    "rooms": """\
**Why it works.** Being in a room is nothing but a value in a row. The function looks for the rows of the sender's
room and pushes
to each of their connections.

**On AWS** a scan reads the whole table and pays for it. With many members make the room the key of an index, and
query that.""",
    "stale": """\
**Why it works.** 410 says that this one client is gone: the row goes, the loop goes on. Nobody else notices.

**On AWS** this happens daily: telephones lose their network without saying good-bye.""",
    "who": """\
**Why it works.** A two-way route answers the one who asked, without a push and without a permission for it.

**On AWS** it is the same. For an answer that takes longer than 29 seconds, push it when it is ready.""",
    "page": """\
**Why it works.** Two APIs, two kinds: HTTP for what is fetched, WebSocket for what is spoken. The page's script
opens the socket.

**On AWS** a page is better kept in S3 behind CloudFront (chapter 18): it costs less than a function and is nearer to
its readers.""",
}
