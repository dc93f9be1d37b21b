"""What the lab safe_rollout says: three hints for each task, and why its answer works."""

HINTS = {
    "live": [
        """\
Two calls: one makes a version of what is in `$LATEST` now, the other makes a name for that version.""",
        """\
`lambda_.publish_version` answers with the new `Version`. `lambda_.create_alias` takes `FunctionName`, `Name` and
`FunctionVersion`.""",
        """\
Call `lambda_.publish_version(FunctionName="shop-price", Description="prices without a sale")`, then
`lambda_.create_alias(FunctionName="shop-price", Name="live", FunctionVersion="1")`. If the alias is there and
points elsewhere: `lambda_.update_alias(FunctionName="shop-price", Name="live", FunctionVersion="1")`.""",
    ],
    "website": [
        """\
The user needs a policy with one statement: which action, on which ARN? The alias has an ARN of its own.""",
        """\
The action is `lambda:InvokeFunction`. The resource ends with `:live`. An inline policy of a user is made with
`iam.put_user_policy`, which takes `UserName`, `PolicyName` and `PolicyDocument`.""",
        """\
The statement is `{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": alias_arn}` with `alias_arn
= lambda_.get_alias(FunctionName="shop-price", Name="live")["AliasArn"]`. Then
`iam.put_user_policy(UserName="shop-website", PolicyName="ask-live", PolicyDocument=json.dumps({"Version":
"2012-10-17", "Statement": [statement]}))`.""",
    ],
    "canary": [
        """\
Three steps: new code into `$LATEST`, a version of it, and a weight on the alias. The alias itself stays at
version 1.""",
        """\
`lambda_.update_function_code(..., Publish=True)` uploads and publishes in one call. The weight goes into
`lambda_.update_alias` as `RoutingConfig={"AdditionalVersionWeights": {...}}`: a version's number, and its share
from 0 to 1.""",
        """\
Call `lambda_.update_function_code(FunctionName="shop-price", ZipFile=package({"app.py": shop.SALE}),
Publish=True)`, then `lambda_.update_alias(FunctionName="shop-price", Name="live",
RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})`.""",
    ],
    "evidence": [
        """\
`count` reads the numbers of the whole alias: it gives two dimensions. A third one, `ExecutedVersion`, tells the
two versions behind the alias apart.""",
        """\
Write `count("Errors", ExecutedVersion="2")`, the same with `Invocations`, and both for version 1. Then put one
item for each version into the table: `releases.put_item(Item={...})`.""",
        """\
For `version` in `("1", "2")`: `calls = count("Invocations", ExecutedVersion=version)`, `errors = count("Errors",
ExecutedVersion=version)`, then `releases.put_item(Item={"version": version, "calls": calls, "errors": errors})`.
If visitors came since, run it again.""",
    ],
    "rollback": [
        """\
No code has to change. The alias decides who gets which version.""",
        """\
Version 2 gets its share from the alias's `AdditionalVersionWeights`. An empty map sends everything to the
version that the alias points to.""",
        """\
Call `lambda_.update_alias(FunctionName="shop-price", Name="live", RoutingConfig={"AdditionalVersionWeights":
{}})`.""",
    ],
    "promote": [
        """\
Read the error of an empty basket, and mend that one line. Then it is the same road as before: upload, publish,
10 %, visitors, look at the errors.""",
        """\
`max` of an empty list raises; it takes `default=0`. To promote, call `lambda_.update_alias` with the new
`FunctionVersion` *and* empty weights, and let some visitors come.""",
        """\
`repaired = shop.SALE.replace("max(prices)", "max(prices, default=0)")`, upload it with `Publish=True`, give
version 3 a weight of `0.1`, run `shop.visitors(200)`. Then `lambda_.update_alias(FunctionName="shop-price",
Name="live", FunctionVersion="3", RoutingConfig={"AdditionalVersionWeights": {}})` and `shop.visitors(100)`.""",
    ],
}

WHY = {
    "live": """\
**Why it works.** Version 1 is a locked copy of the code that has served the shop well, and `live` points to it.
Uploads change `$LATEST` only: visitors never meet them.

**On AWS** it is the same. A version costs nothing by itself; its package counts towards the account's code
storage.""",
    "website": """\
**Why it works.** A permission is for the ARN that it names. The website can ask whatever you put behind `live`,
and can reach neither `$LATEST` nor a single version, and it cannot move the alias.

**On AWS** it is the same. A website on AWS would use a role in place of a user, because a role's credentials
expire.""",
    "canary": """\
**Why it works.** Lambda throws dice at each call: one in ten runs version 2. The website knows nothing of it;
its ARN is the same.

**On AWS** it is the same. Both versions need the same execution role and the same dead-letter queue.""",
    "evidence": """\
**Why it works.** CloudWatch keeps each combination of dimensions as a metric of its own. The alias as a whole
showed a few errors in a hundred; apart, one version has none and the other fails whenever a basket is empty.
Compare rates, not counts: version 2 had far fewer calls.

**On AWS** the numbers arrive about a minute later, and an alarm on this metric would call you, or roll back by
itself.""",
    "rollback": """\
**Why it works.** The alias never stopped pointing to version 1, whose environments were still warm. Nothing was
uploaded, so nothing new could go wrong.

**On AWS** it is the same call. The bad version stays published for whoever wants to find out what was wrong with
it.""",
    "promote": """\
**Why it works.** The repaired code is a version of its own, tried by few, seen without errors, and then given to
all. Version 1 is still there: the way back is one call.

**On AWS** CodeDeploy can do this for you: it shifts the weight in steps, watches alarms, and rolls back. That is
chapter 17.""",
}
