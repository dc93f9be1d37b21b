"""What the lab todo_api says: three hints for each task, and why its answer works."""

HINTS = {
    "routes": [
        """\
One API, two resources below each other, five methods, and behind each method the same integration.""",
        """\
`gateway.create_rest_api`, then `gateway.create_resource` twice (`pathPart="todos"` below the root, `"{id}"` below
that), then for each method `gateway.put_method` and `gateway.put_integration`. `garden.uri()` gives the function's
address.""",
        """\
For each `resource` and `method`: `place = {"restApiId": api, "resourceId": resource, "httpMethod": method}`, then
`gateway.put_method(**place, authorizationType="NONE")` and `gateway.put_integration(**place, type="AWS_PROXY",
integrationHttpMethod="POST", uri=garden.uri())`. The root's id is
`gateway.get_resources(restApiId=api)["items"][0]["id"]`.""",
    ],
    "open": [
        """\
Two things are missing: a statement in the function's resource policy, and a deployment.""",
        """\
`lambda_.add_permission` for the principal `apigateway.amazonaws.com` with a `SourceArn` that names your API and
ends with `/*`; `gateway.create_deployment` with `stageName="beta"`.""",
        """\
`lambda_.add_permission(FunctionName="todos", StatementId="garden", Action="lambda:InvokeFunction",
Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:{aws.account_id}:{api}/*")`, then
`gateway.create_deployment(restApiId=api, stageName="beta")`.""",
    ],
    "bug": [
        """\
502 means that the function failed or answered no response. Its log says which: the cell above shows it.""",
        """\
DynamoDB's numbers come as `Decimal`, and `json.dumps` knows no `Decimal`. It takes a function for what it does not
know: `default`.""",
        """\
In `TOOLS` write `json.dumps(content, default=int)`. Then the next cell uploads it.""",
    ],
    "statuses": [
        """\
Decide in this order: is it the list? Is there such a to-do (else 404)? Is the body a to-do with a text (else 400)?""",
        """\
`table.get_item(Key=names).get("Item")` is `None` for an unknown id. `json.loads` raises `ValueError` for a text
that is no JSON, and `event["body"]` is `None` when there is none. `names` is `None` for `/todos`.""",
        """\
`known = table.get_item(Key=names).get("Item") if names else None`, then `if names and not known: return answer(404,
{"message": "There is no such to-do."})`. For the body: `try: given = json.loads(event["body"] or "")` and `except
ValueError: given = None`, then `if not isinstance(given, dict) or not given.get("text"): return answer(400,
{"message": "A to-do needs a text."})`. At the end `answer(200 if names else 201, todo)`.""",
    ],
    "stages": [
        """\
Publish a version; make two aliases; let each alias be called; let the integrations ask the stage for the alias;
deploy to both stages with the variable.""",
        """\
`lambda_.publish_version`, `lambda_.create_alias` twice, `lambda_.add_permission` with `FunctionName="todos:prod"`
and `"todos:beta"`, `gateway.put_integration` again with `uri=garden.uri("${stageVariables.alias}")` (the methods
are there already), `gateway.create_deployment` for each stage, and `gateway.update_stage` with the path
`/variables/alias`.""",
        """\
For each `name, version` of `(("prod", published), ("beta", "$LATEST"))`:
`lambda_.create_alias(FunctionName="todos", Name=name, FunctionVersion=version)`, then `lambda_.add_permission` as
before with `FunctionName=f"todos:{name}"`. Put the five integrations again, as in task 1, with the new `uri`. At
the end for each name `gateway.create_deployment(restApiId=api, stageName=name)` and
`gateway.update_stage(restApiId=api, stageName=name, patchOperations=[{"op": "replace", "path": "/variables/alias",
"value": name}])`.""",
    ],
    "page": [
        """\
Two halves: an `OPTIONS` method with a mock on *both* resources, and a header in each of the function's own answers.
And `prod` serves what was deployed and published.""",
        """\
Mock: `put_method`, `put_integration` with `type="MOCK"` and `requestTemplates={"application/json": '{"statusCode":
200}'}`, `put_method_response` and `put_integration_response` with the three headers. Function: `answer` also gives
`"headers": {"Access-Control-Allow-Origin": ...}`. Then upload, publish, `update_alias`, deploy to both stages.""",
        """\
The header names are `method.response.header.Access-Control-Allow-Origin`, `...-Methods` and `...-Headers`; the
values stand in single quotes inside the text: `"'https://garden.example'"`, `"'GET,POST,PUT,DELETE,OPTIONS'"`,
`"'content-type'"`. `put_method_response` takes the same names with `False`. At the end
`lambda_.update_alias(FunctionName="todos", Name="prod",
FunctionVersion=lambda_.publish_version(FunctionName="todos")["Version"])`.""",
    ],
}

WHY = {
    "routes": """\
The resources are a tree; `{id}` takes whatever stands in its place, and the function finds it in `pathParameters`.
All five methods share one function: the event says which of them was asked.

**On AWS** it is the same. Most people write such a tree as an OpenAPI document (chapter 10) or a SAM template
(chapter 17).""",
    "open": """\
A deployment takes a snapshot of the design and gives it an address. The permission lets API Gateway call the
function, but only on behalf of this API: `SourceArn` keeps all others out.

**On AWS** nothing differs. With boto3, CloudFormation or the CLI the permission is yours to write, and a 500 is how
its absence looks.""",
    "bug": """\
The client sees 502 and nothing else; the log has the reason. `json.dumps` was the last line of an otherwise perfect
answer, and it failed for the one to-do that has a number.

**On AWS** this is the same, word by word: boto3's table resource gives every number of DynamoDB as `Decimal`.""",
    "statuses": """\
Statuses are the part of the answer that programs read: 2xx went well, 4xx is the client's mistake and must not be
repeated unchanged, 5xx is yours and may be retried. A 502 for a client's mistake sends everybody to the wrong
place.

**On AWS** API Gateway counts 4XXError and 5XXError apart; alarms belong on the second.""",
    "stages": """\
Both stages share one design. The stage fills in the alias, the alias decides the version: an upload reaches the
testers at once, and the members only when you move the alias `prod`.

**On AWS** the same; do not forget that the resource policy of each alias is its own.""",
    "page": """\
The browser asks by `OPTIONS` first, and API Gateway answers without running code. The real answer has to name the
origin as well, refusals too, or the script cannot even read why it was refused.

**On AWS** also give the **gateway responses** DEFAULT_4XX and DEFAULT_5XX this header: a 403 or a 502 comes from
API Gateway itself. An HTTP API does all of it by one setting.""",
}
