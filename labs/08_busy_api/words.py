"""What the lab busy_api says: three hints for each task, and why its answer works."""

HINTS = {
    "keys": [
        """\
A key is one thing, a usage plan another, and a third call puts the key into the plan. The plan names the stage.""",
        """\
`gateway.create_api_key` takes `name`, `value` (20 characters or more) and `enabled`. `gateway.create_usage_plan`
takes `name` and `apiStages`. `gateway.create_usage_plan_key` takes `usagePlanId`, `keyId` and `keyType`.""",
        """\
For each `client` of `("website", "agency")`: `key = gateway.create_api_key(name=client,
value=f"{client}-key-0123456789-0123456789", enabled=True)["id"]`, then `plan = gateway.create_usage_plan(name=client,
apiStages=[{"apiId": api, "stage": "prod"}])["id"]`, then `gateway.create_usage_plan_key(usagePlanId=plan, keyId=key,
keyType="API_KEY")`.""",
    ],
    "shelter": [
        """\
It is a setting of the stage for one method. In its path, the slashes of the resource are written as `~1`.""",
        """\
`gateway.update_stage` with two patch operations: one path ends with `/GET/throttling/rateLimit`, the other with
`/GET/throttling/burstLimit`. Both begin with `/~1shows~1`.""",
        """\
Let `path = "/~1shows~1{show}~1seats/GET/throttling/"` (no f-string), then `gateway.update_stage(restApiId=api,
stageName="prod", patchOperations=[{"op": "replace", "path": path + "rateLimit", "value": "2"}, {"op": "replace",
"path": path + "burstLimit", "value": "10"}])`.""",
    ],
    "flood": [
        """\
A limit of the stage is shared by all clients. The limit of one client belongs into its usage plan.""",
        """\
`gateway.update_usage_plan` takes `usagePlanId` and `patchOperations` with the paths `/throttle/rateLimit` and
`/throttle/burstLimit`. `gateway.get_usage_plans()["items"]` lists the plans.""",
        """\
Find the plan: `plans = {plan["name"]: plan["id"] for plan in gateway.get_usage_plans()["items"]}`. Then
`gateway.update_usage_plan(usagePlanId=plans["agency"], patchOperations=[{"op": "replace", "path":
"/throttle/rateLimit", "value": "1"}, {"op": "replace", "path": "/throttle/burstLimit", "value": "3"}])`.""",
    ],
    "cache": [
        """\
Two switches: the stage needs a cache, and the methods have to use it. The seats must not.""",
        """\
Paths of `gateway.update_stage`: `/cacheClusterEnabled`, `/cacheClusterSize`, and for each of the two methods
`.../GET/caching/enabled` and `.../GET/caching/ttlInSeconds`. The methods are `/~1shows` and `/~1shows~1{show}`.""",
        """\
Let `settings = {"/cacheClusterEnabled": "true", "/cacheClusterSize": "0.5"}`. For each `method` of `("/~1shows/GET",
"/~1shows~1{show}/GET")` add `settings[method + "/caching/enabled"] = "true"` and `settings[method +
"/caching/ttlInSeconds"] = "60"`. Then `gateway.update_stage(restApiId=api, stageName="prod", patchOperations=[{"op":
"replace", "path": path, "value": value} for path, value in settings.items()])`.""",
    ],
    "pages": [
        """\
What tells two requests apart is part of the integration of the method `GET /shows/{show}`.""",
        """\
`gateway.put_integration` replaces the integration: give it what it had (`type`, `integrationHttpMethod`, `uri`) and
`cacheKeyParameters`. A changed integration is live after `gateway.create_deployment`.""",
        """\
`gateway.put_integration(restApiId=api, resourceId=resources["/shows/{show}"], httpMethod="GET", type="AWS_PROXY",
integrationHttpMethod="POST", uri=theatre.uri(function), cacheKeyParameters=["method.request.path.show"])` with
`function = boto3.client("lambda").get_function(FunctionName="box-office")["Configuration"]["FunctionArn"]`, then
`gateway.create_deployment(restApiId=api, stageName="prod")`.""",
    ],
    "logs": [
        """\
API Gateway needs a role that it may use, the account has to name it, and the stage has to say what to log.""",
        """\
`iam.create_role` with a trust policy for `apigateway.amazonaws.com`; `gateway.update_account` with the path
`/cloudwatchRoleArn`; `gateway.update_stage` with the path `/*/*/logging/loglevel`. Then let the crowd come.""",
        """\
The trust policy's statement is `{"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action":
"sts:AssumeRole"}`. Then `gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn",
"value": role_arn}])`, `gateway.update_stage(restApiId=api, stageName="prod", patchOperations=[{"op": "replace",
"path": "/*/*/logging/loglevel", "value": "ERROR"}])`, and `theatre.noon("With logs")`.""",
    ],
}

WHY = {
    "keys": """\
A usage plan names stages and has keys; a request with such a key is counted for that plan. With a plan for each
client you can change one client's limits without touching the other.

**On AWS** it is the same. Let API Gateway make the values (leave `value` away): made-up ones can be guessed. And
remember that a key tells who asks only as long as nobody else has read it.""",
    "shelter": """\
The method has a token bucket of its own now: 10 at once, 2 a second. What is slow behind it is never asked more often.
But look at the crowd: the bucket is shared, the agency came first, and the website's customers found it empty.

**On AWS** such limits are targets that may be overrun a little. The account's own bucket (10,000 a second, 5,000 at
once) stands behind all of them.""",
    "flood": """\
A plan's limits are for each key. The agency still gets what you promised it, and no more; the rest of the seats'
bucket is left for the website.

**On AWS** the order is the same: first the limits of the plan, then those of the method, then the account's.""",
    "cache": """\
The list of shows is the same for everybody and may be a minute old: one run of the function serves them all. Free seats
change with each sale, so they are asked for each time.

**On AWS** a cache of 0.5 GB costs 0.02 USD an hour whether anybody comes or not, and takes some minutes to be made.""",
    "pages": """\
The cache tells requests apart by the chosen parameters only. Without one, all shows shared an entry, and the first one
who asked decided what all others saw. An integration is part of a deployment, so it is live only after the next one.

**On AWS** this mistake is as easy to make, and it can show one customer the page of another.""",
    "logs": """\
Metrics said *that* requests were refused; the log says *whose*: the last characters of the key, the plan and its limit.

**On AWS** the role also needs permissions, such as the managed policy `AmazonAPIGatewayPushToCloudWatchLogs`, and logs
are paid by the gigabyte: level ERROR keeps a busy noon cheap.""",
}
