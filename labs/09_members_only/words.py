"""What the lab members_only says: three hints for each task, and why its answer works."""

HINTS = {
    "staff": [
        """\
`lock("boathouse", "AWS_IAM")` changes one method in the draft; there are two. Nothing changes for callers before you
deploy to the stage `prod`.""",
        """\
The warden needs a policy: action `execute-api:Invoke`, and as the resource the ARN of the one method that he may
call. `club.api_arn()` is its beginning; stage, method and path follow.""",
        """\
After both `lock` calls and `deploy()`: `statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource":
f"{club.api_arn()}/prod/GET/boathouse"}`, and `iam.put_user_policy(UserName="club-warden", PolicyName="boathouse",
PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))`.""",
    ],
    "pool": [
        """\
A pool, an app client in it, and a user: `create_user_pool`, `create_user_pool_client`, `sign_up`. The app client's
name is `web`.""",
        """\
The client says how long tokens are good: `IdTokenValidity` is a number, `TokenValidityUnits` says of what. After the
sign-up Grace is not confirmed yet: `admin_confirm_sign_up`.""",
        """\
`client = idp.create_user_pool_client(UserPoolId=pool["Id"], ClientName="web",
ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"], IdTokenValidity=5, TokenValidityUnits={"IdToken": "minutes"})`, then
`idp.sign_up(ClientId=client["UserPoolClient"]["ClientId"], Username=club.GRACE["name"],
Password=club.GRACE["password"])` and
`idp.admin_confirm_sign_up(UserPoolId=pool["Id"], Username=club.GRACE["name"])`.""",
    ],
    "members": [
        """\
API Gateway needs an authorizer of the type `COGNITO_USER_POOLS` that names your pool, and the method needs the
authorizer.""",
        """\
`create_authorizer` takes `providerARNs`, a list with the pool's ARN, and `identitySource`, the header with the token.
Its answer has the `id` that `lock` wants.""",
        """\
`made = api.create_authorizer(restApiId=club.api_id(), name="members", type="COGNITO_USER_POOLS",
providerARNs=[pool["Arn"]], identitySource="method.request.header.Authorization")`, then
`lock("members", "COGNITO_USER_POOLS", made["id"])` and `deploy()`.""",
    ],
    "partner": [
        """\
The function gets `event["authorizationToken"]`. It looks the badge up in the table and returns `principalId`,
`policyDocument` and `context`, or raises `Exception("Unauthorized")`.""",
        """\
Create the function with `club.function("club-guard", GUARD)`, and let API Gateway call it: `club.permit("club-guard")`.
The authorizer's type is `TOKEN`, its `authorizerUri` is `club.uri(arn)`, its `identitySource` is
`method.request.header.Badge`, and the method's type is `CUSTOM`.""",
        """\
In the handler: `item = table.get_item(Key={"badge": event["authorizationToken"]}).get("Item")`, `if not item: raise
Exception("Unauthorized")`, `effect = "Allow" if item["active"] else "Deny"`. Return `{"principalId": item["badge"],
"policyDocument": {"Version": "2012-10-17", "Statement": [{"Action": "execute-api:Invoke", "Effect": effect,
"Resource": event["methodArn"]}]}, "context": {"partner": item["partner"]}}`.""",
    ],
    "cache": [
        """\
The answer of the authorizer is kept for each badge, and used for every method that has this authorizer. What does
the kept policy say about `/times`?""",
        """\
Let the policy name all that a partner may read, not only the method that was asked first. Keep the cache: a time to
live of 0 would ask the table at each request.""",
        """\
In the policy: `"Resource": [f"{start}/GET/results", f"{start}/GET/times"]` with
`start = "/".join(event["methodArn"].split("/")[:2])`. Upload it with `lambda_.update_function_code`, then
`lock("times", "CUSTOM", guard["id"])` and `deploy()`.""",
    ],
    "inspection": [
        """\
`club.walk()` tries every door with empty hands. Only one of them is meant to open.""",
        """\
A path that nobody needs is best taken away, not locked. A resource can be deleted with its methods; the stage
keeps the deployment that it has.""",
        """\
`api.delete_resource(restApiId=club.api_id(), resourceId=club.resource_id("debug"))`, then `deploy()`.""",
    ],
}

WHY = {
    "staff": """\
The warden's key signs each request, and his policy names one method. Nobody else has a key, and the key's secret
never travels. On AWS the same, with temporary keys of a role rather than a user's, so that none lies around.""",
    "pool": """\
Cognito keeps the passwords, so that you do not. A token of 5 minutes is worth little to whoever finds the tablet.
On AWS the pool mails Grace a code, which she sends back with ConfirmSignUp.""",
    "members": """\
The authorizer verified the pool's signature, the pool's name and the expiry before your function was called. On AWS it
is the same setting, and the pool's keys come from its own address on the internet.""",
    "partner": """\
Your function decides, and API Gateway obeys: no error and an allow is 200, a deny 403, "Unauthorized" 401. On AWS each
call of the authorizer costs as any invocation does, which is why its answers are kept.""",
    "cache": """\
One policy for all that the caller may do, asked once in 300 s for each badge. On AWS a badge that was given back
stays good until its kept answer ends, too: choose the time to live by how long you can bear that.""",
    "inspection": """\
What does not exist needs no lock. On AWS, look at your APIs in the same way: list the methods whose authorizationType
is NONE, and ask for each who needs it.""",
}
