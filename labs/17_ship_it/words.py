"""Hints and explanations of the lab ship_it."""

HINTS = {
    "template": [
        "Three things under `Resources`: the table, the function, and the event that makes the API. What is the "
        "same for all functions belongs under `Globals`.",
        "`AWS::Serverless::SimpleTable` needs no properties. The function needs `CodeUri: releases/1`, an event "
        "of the type `HttpApi`, and the policy template `DynamoDBReadPolicy`. SAM calls the API "
        "`ServerlessHttpApi`.",
        "`Policies: [{DynamoDBReadPolicy: {TableName: !Ref Prices}}]` and `Events: {Ask: {Type: HttpApi, "
        'Properties: {Path: "/prices/{id}", Method: get}}}`; then `create_change_set(StackName="tea", '
        'ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=text, Capabilities=teashop.CAPABILITIES)`, '
        "and `execute_change_set` when you have looked at it.",
    ],
    "live": [
        "One line in the function's properties makes SAM publish a version and point an alias to it.",
        "The property is `AutoPublishAlias`. A part of the template says where it belongs: `Resources`, `Price`, "
        "`Properties`.",
        '`alias = "Resources: {Price: {Properties: {AutoPublishAlias: live}}}"`, then '
        "`teashop.ship(teashop.template(basis, alias))`.",
    ],
    "alarm": [
        "A resource of the type `AWS::CloudWatch::Alarm`. What visitors call is the alias, so watch what came "
        "through it.",
        "Lambda's metric `Errors` with two dimensions: `FunctionName`, and `Resource` for the alias. A period is "
        "60 seconds, one period is enough.",
        "Dimensions `{Name: FunctionName, Value: !Ref Price}` and `{Name: Resource, Value: !Sub "
        '"${Price}:live"}`; `Statistic: Sum`, `Period: 60`, `EvaluationPeriods: 1`, `Threshold: 1`, '
        "`ComparisonOperator: GreaterThanOrEqualToThreshold`, `TreatMissingData: notBreaching`.",
    ],
    "canary": [
        "The property of the function is `DeploymentPreference`.",
        "It has a `Type`, which names the steps, and a list of `Alarms`; `!Ref` gives an alarm's name.",
        "`DeploymentPreference: {Type: Canary10Percent5Minutes, Alarms: [!Ref PriceErrors]}`, below `Price`, "
        "`Properties`.",
    ],
    "tryout": [
        "The hook is a second function. `DeploymentPreference` names it under `Hooks: {PreTraffic: ...}`, and its"
        " own name begins with `CodeDeployHook_`.",
        "`!Ref Price.Version` is the ARN of the new version: give it to the hook in an environment variable, and "
        "let its role allow `lambda:InvokeFunction` on it, and `codedeploy:PutLifecycleEventHookExecutionStatus`.",
        'The hook invokes `os.environ["NEW"]` with `{"pathParameters": {"id": "assam"}}`, looks whether '
        "`statusCode` is 200, and calls "
        '`put_lifecycle_event_hook_execution_status(deploymentId=event["DeploymentId"], '
        'lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"], status="Succeeded")`, or '
        '`"Failed"`. Then ship with `CodeUri: releases/2`.',
    ],
    "bad": [
        "Ship release 3 as you shipped release 2, and let visitors come.",
        "If it went to everybody: did visitors come, does the alarm watch the alias, does the deployment group "
        "know the alarm? Ship release 2 again, mend it, and ship release 3 once more.",
        '`release_3 = "Resources: {Price: {Properties: {CodeUri: releases/3}}}"`, then '
        "`teashop.ship(teashop.template(basis, alias, alarm, canary, hook, hook_code, release_3), visitors=True)`.",
    ],
    "gone": [
        "Deleting the stack removes what the template made. What did the template not make?",
        "The bucket with the packages was there before, and each function has a log group, made at its first call.",
        '`delete_stack(StackName="tea")`, wait with `teashop.settled()`; then `delete_object` for each object, '
        "`delete_bucket`, and `delete_log_group` for each of `describe_log_groups()`.",
    ],
}
WHY = {
    "template": (
        "A few lines became a table, a function, its role, an API and the permission to call: the transform wrote"
        " the rest. The policy template allows reading this one table. **On AWS** it is the same "
        "text; `sam deploy` uploads the code and makes the same change set, and with `--confirm-changeset` it asks "
        "before it executes it."
    ),
    "live": (
        "The API calls the alias now, and each new code becomes a version that nobody can change. Publishing is "
        "the template's work, so nobody forgets it. **On AWS** it is the same; a change of the configuration "
        "alone makes no new version unless `AutoPublishAliasAllProperties` is true."
    ),
    "alarm": (
        "The alarm watches what comes through `live`, so a colleague who tries things in `$LATEST` stops no "
        "release. Without calls there are no data points, and that is no error. **On AWS** Lambda's metrics "
        "arrive with some delay."
    ),
    "canary": (
        "SAM made an application, a deployment group and a role of CodeDeploy. Nothing has moved yet: a "
        "deployment needs a version to move from and one to move to. **On AWS** it is the same."
    ),
    "tryout": (
        "The hook asked the new version by its own ARN while all visitors still met the old one. CodeDeploy waits"
        " for the hook's word, not for its return value. **On AWS** it waits an hour for it; here it is "
        "twenty minutes, which take twenty seconds."
    ),
    "bad": (
        "The hook asks for what its author thought of; visitors ask for everything. One in ten met release 3, the"
        " alarm went off within a minute, CodeDeploy moved the alias back, and CloudFormation put back everything"
        " else. **On AWS** it takes minutes instead of seconds, and just as little of you."
    ),
    "gone": (
        "A stack is also the list of what to delete. What was made beside it, by Lambda, by you, has to be found."
        " **On AWS** declare an `AWS::Logs::LogGroup` with `RetentionInDays` in the template, and it goes with "
        "the stack."
    ),
}
