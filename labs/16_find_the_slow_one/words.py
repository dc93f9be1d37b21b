"""Hints and explanations of the lab find_the_slow_one."""

HINTS = {
    "tracing": [
        "Two kinds of switches: one at the stage of the API, one at each of the four functions.",
        "`gateway.update_stage` with a patch operation for `/tracingEnabled`; and "
        "`functions.update_function_configuration` with a `TracingConfig`, for each name in `ferry.FUNCTIONS`.",
        '`gateway.update_stage(restApiId=api, stageName="prod", patchOperations=[{"op": "replace", "path": '
        '"/tracingEnabled", "value": "true"}])`, then for each `name` in `ferry.FUNCTIONS` '
        '`functions.update_function_configuration(FunctionName=name, TracingConfig={"Mode": "Active"})`.',
    ],
    "sampling": [
        "The rule with the smallest priority that matches decides. Default has the largest, 10,000.",
        "`xray.create_sampling_rule` with a `FixedRate` of 1. API Gateway says of itself: name `ferry/prod`, type "
        "`AWS::ApiGateway::Stage`. Everything else of a rule may be `*`.",
        '`xray.create_sampling_rule(SamplingRule={"RuleName": "ferry", "Priority": 100, "FixedRate": 1, '
        '"ReservoirSize": 0, "ServiceName": "ferry/prod", "ServiceType": "AWS::ApiGateway::Stage", "Host": "*", '
        '"HTTPMethod": "*", "URLPath": "*", "ResourceARN": "*", "Version": 1})`.',
    ],
    "annotate": [
        "In Lambda the function's own segment is made by Lambda, and you cannot write on it. You can on a subsegment "
        "of your own.",
        "`xray_recorder.in_subsegment(NAME)` in a `with` gives a subsegment; its `put_annotation(KEY, VALUE)` notes "
        "something. `prices` answers with the kind of the card, so do it right after that call.",
        "At the top `from aws_xray_sdk.core import xray_recorder`, and below the call of `prices`: `with "
        'xray_recorder.in_subsegment("order") as part:` with two indented lines, `part.put_annotation("card", '
        'price["card"])` and `part.put_annotation("ticket", order["ticket"])`.',
    ],
    "slow": [
        "Ask `ferry.find` for slow bookings, then for `service(...)` of each function that was slow. Coach parties are "
        "slow too; which function takes their time, and which takes that of the others?",
        'A `service("NAME") { responsetime > 1 }` looks at one service alone, `annotation.card = "KIND"` at one '
        "kind of passengers. The group's name says both.",
        '`xray.create_group(GroupName="prices-gold", FilterExpression=\'annotation.card = "gold" AND '
        'service("prices") { responsetime > 1 }\')`.',
    ],
    "failing": [
        "Where does the fault begin? In the waterfall it is the innermost bar with a cross.",
        'Two services have a fault: `booking`, because `payment` has one. `service("NAME") { fault }` finds it; '
        "`ferry.find` says for which ticket.",
        '`xray.create_group(GroupName="payment-child", FilterExpression=\'service("payment") { fault }\')`.',
    ],
    "alarm": [
        "API Gateway counts what it answers with 5xx, for each stage. One in a minute is one too many.",
        "`cloudwatch.put_metric_alarm` for `5XXError` of `AWS/ApiGateway`, dimensions `ApiName` and `Stage`, statistic "
        "`Sum`, period 60. A minute without bookings is not a bad one.",
        '`cloudwatch.put_metric_alarm(AlarmName="bookings-fail", Namespace="AWS/ApiGateway", MetricName="5XXError", '
        'Dimensions=[{"Name": "ApiName", "Value": "ferry"}, {"Name": "Stage", "Value": "prod"}], Statistic="Sum", '
        'Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", '
        'TreatMissingData="notBreaching", AlarmActions=[bridge])`.',
    ],
    "repair": [
        "Count the questions to the harbour in the waterfall of a golden card. And read the message of the exception: "
        "which number comes to `payment`, and from where?",
        "`harbour.trips` takes all numbers at once. DynamoDB takes no float; `Decimal(str(usd))` is a number "
        "that it takes, and exact.",
        'In `prices`: `return sum(trip["points"] for trip in harbour.trips(card["trips"]))`. In `payment`: `from '
        'decimal import Decimal`, and `"usd": Decimal(str(order["usd"]))` in the item.',
    ],
    "proof": [
        "Evidence is a day of bookings after the repair, not one that you tried yourself.",
        "`ferry.day` lets a day pass, `show.service_map(begin)` draws what came after `begin`.",
        '`begin = time.time()`, then `ferry.day("After the repair")`, then `show.service_map(begin)`.',
    ],
}
WHY = {
    "tracing": "The stage begins the trace and hands the header on; each Active function adds its two segments. The "
    "code was ready: its SDK had been writing down calls for nobody. **On AWS** the execution roles need "
    "`xray:PutTraceSegments` and `xray:PutTelemetryRecords`, as in the managed policy `AWSXRayDaemonWriteAccess`.",
    "sampling": "The first rule that matches decides, once, where the request comes in; the header carries the "
    "decision to all functions. **On AWS** Default has a reservoir of 1 a second and 5 %, and every recorded "
    "trace costs money: a rate of 1 is for the days on which you search, or for a stage with few requests.",
    "annotate": "An annotation is indexed, so expressions find it; metadata is not. It stands on a subsegment, because "
    "Lambda owns the function's segment. Kinds are better than numbers: you look for what the slow ones have in "
    "common. **On AWS** a trace may have 50 annotations; for new code AWS recommends OpenTelemetry, whose attributes "
    "can become annotations.",
    "slow": "Two functions are slow, each for other passengers, and the sum at the gateway looks the same. The service "
    "says where, the annotation for whom. **On AWS** a group takes in the traces that come after it "
    "was made; here it finds the earlier ones too. There it also gives metrics to CloudWatch.",
    "failing": "A fault climbs: `payment` fails, so `booking` does, so the gateway answers 502. It begins at the "
    "innermost one. A 409 is an error, not a fault: the service worked, and said no. **On AWS** it is the same.",
    "alarm": "The alarm counts each minute. Traces tell why, but only of sampled requests; metrics count all of "
    "them, so an alarm belongs on a metric. **On AWS** it is looked at once a minute too, and the "
    "topic sends a mail or a message.",
    "repair": "One question instead of twenty: the function never was slow, it waited. And the fault in `payment` "
    "began in `prices`, where half of 25 became a float, which DynamoDB does not take. **On AWS** the same code "
    "fails the same way: it is boto3 that refuses the float.",
    "proof": "The map shows the same services and the same passengers without a fault, `prices` asks the harbour "
    "once for each booking, and the alarm, which is known to ring, is silent. **On AWS** lower the rate of the rule "
    "now: recording everything was for the search.",
}
