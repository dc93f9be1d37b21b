"""Hints and explanations of the lab pay_once."""

HINTS = {
    "standard": [
        "One state does the work. Which of the two types promises that it runs once?",
        "`save(name, start, states)` makes a standard machine. The state is a Task whose `Resource` is the function's "
        "ARN.",
        '`charge = {"Type": "Task", "Resource": bank, "ResultPath": "$.receipt", "End": True}`, then '
        '`save("pay", "Charge", {"Charge": charge})`.',
    ],
    "clicks": [
        "A standard machine uses the name of an execution once in 90 days.",
        "Make the name of the order's id. A click that comes when the execution is over is refused with "
        "`ExecutionAlreadyExists`: that is good news.",
        '`try: states.start_execution(stateMachineArn=arn_of("pay"), name="order-" + order["id"], '
        "input=json.dumps(order))` and `except states.exceptions.ExecutionAlreadyExists: pass`.",
    ],
    "broken": [
        "The bank takes the money only once for each `key`. What is the same at each attempt of one order, and differs "
        "from every other order?",
        "`Parameters` builds what the function gets: `id`, `usd` and `key`, each by a path. Then `Retry` does no harm.",
        '`charge["Parameters"] = {"id.$": "$.id", "usd.$": "$.usd", "key.$": "$.id"}` and '
        '`charge["Retry"] = [{"ErrorEquals": ["ConnectionLost"], "MaxAttempts": 3}]`, then save.',
    ],
    "approve": [
        "A Choice in front, and a Task that sends a message and waits for its token.",
        "The resource ends in `.waitForTaskToken`; the token is `$$.Task.Token`. What `send_task_success` brings "
        "must not "
        "replace the order.",
        '`ask = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "Parameters": '
        '{"QueueUrl": queue, "MessageBody": {"order.$": "$.id", "usd.$": "$.usd", "token.$": "$$.Task.Token"}}, '
        '"ResultPath": "$.approval", "Next": "Charge"}` behind a Choice with `"NumericGreaterThan": 200`.',
    ],
    "silence": [
        "How long does a state wait that has no limit?",
        "`TimeoutSeconds` on the state that asks; its error needs no Catch, because a failed payment charges nothing.",
        '`ask["TimeoutSeconds"] = 300`, then save.',
    ],
    "pings": [
        "Many, short, and harmless when they come twice: which type? And what is the key of an item that may be "
        "written "
        "twice?",
        '`arn:aws:states:::dynamodb:putItem` with the ping\'s `id` as `ping`. `save(..., kind="EXPRESS", '
        "loggingConfiguration=...)` with level `ALL` and the execution's data.",
        '`"Parameters": {"TableName": "pings", "Item": {"ping": {"S.$": "$.id"}, "bike": {"S.$": "$.bike"}, "place": '
        '{"S.$": "$.place"}}}` and `loggingConfiguration={"level": "ALL", "includeExecutionData": True, '
        '"destinations": '
        '[{"cloudWatchLogsLogGroup": {"logGroupArn": log_arn}}]}`',
    ],
}
WHY = {
    "standard": "A standard workflow runs each task once, and its history tells for 90 days that it did. **On AWS** "
    "it is "
    "the same. The express workflow of before would run an execution again after trouble inside AWS.",
    "clicks": "The name makes the *start* idempotent: the same name with the same input is the same execution, and a "
    "later click is refused. **On AWS** a name is kept for 90 days after the execution ended; an order that is older "
    "needs a look into a table.",
    "broken": "Once is a promise about Step Functions' part. What the bank did before the connection broke, only the "
    "bank knows, so the key travels with the call. **On AWS** it is the same; payment services call it an "
    "idempotency key.",
    "approve": "The execution waits in AWS's books: no function runs, and waiting is free. The token "
    "is good for one answer, so a second *yes* cannot pay again. **On AWS** the wait may last up to a year.",
    "silence": "A refusal and a silence both end the execution before any money moves. Without `TimeoutSeconds` the "
    "order would have waited for a year. **On AWS** it is the same; `HeartbeatSeconds` notices earlier that nobody is "
    "there any more.",
    "pings": "It ran twice, and the table does not know. The log has both runs, and is the only place that tells "
    "how they ended. **On AWS** a million of them, 100 ms each, cost about 1.10 USD, and what the log takes in is "
    "billed as well.",
}
