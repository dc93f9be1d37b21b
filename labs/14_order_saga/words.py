"""Hints and explanations of the lab order_saga."""

HINTS = {
    "ships": [
        "Three Task states, each with a `Next`, the last with `End`. What does `Charge` get as its input?",
        "The result of a state replaces its input, unless `ResultPath` gives it a place of its own beside the order.",
        '`steps = {"Reserve": task("reserve", ResultPath="$.stock", Next="Charge"), "Charge": task("charge", '
        'ResultPath="$.payment", Next="Ship"), "Ship": task("ship", ResultPath="$.delivery", End=True)}`',
    ],
    "patient": [
        "`Retry` belongs to the state `Charge`. Which error gets better by waiting, and which does not?",
        "`ErrorEquals`, `IntervalSeconds`, `BackoffRate`, `MaxAttempts`: name `BankBusy` alone.",
        '`steps["Charge"]["Retry"] = [{"ErrorEquals": ["BankBusy"], "IntervalSeconds": 2, "BackoffRate": 2.0, '
        '"MaxAttempts": 3}]`, then `save(steps)`.',
    ],
    "declined": [
        "A `Catch` on `Charge` leads to a new state `Release`, and from there to a Fail state.",
        "What `Catch` passes on is `{Error, Cause}`: `ResultPath` keeps the order beside it. `States.ALL` takes the "
        "busy bank along. A Fail state with `ErrorPath` ends with the error that began it all.",
        '`steps["Charge"]["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.problem", "Next": "Release"}]`, '
        '`steps["Release"] = task("release", ResultPath="$.stock", Next="Cancelled")`, '
        '`steps["Cancelled"] = {"Type": "Fail", "ErrorPath": "$.problem.Error", "CausePath": "$.problem.Cause"}`',
    ],
    "undelivered": [
        "When `Ship` fails, two steps are done already. Undo them from the last one to the first.",
        "A `Catch` on `Ship` leads to `Refund`, and `Refund` goes on to `Release`, which is there already.",
        '`steps["Ship"]["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.problem", "Next": "Refund"}]`, '
        '`steps["Refund"] = task("refund", ResultPath="$.payment", Next="Release")`',
    ],
    "stubborn": [
        "The bank that is busy when you charge is the same bank that is busy when you refund.",
        "`Refund` needs the `Retry` that `Charge` has.",
        '`steps["Refund"]["Retry"] = steps["Charge"]["Retry"]`, then `save(steps)`.',
    ],
    "by_hand": [
        "A `Catch` on `Refund` leads to a state that sends a message, and goes on to `Release`.",
        "`arn:aws:states:::sqs:sendMessage` needs no function: its `Parameters` are `QueueUrl` and `MessageBody`; a "
        "name ending in `.$` takes a path. Two things must survive: the order, and the first error in `$.problem`.",
        '`steps["Refund"]["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.refund_problem", '
        '"Next": "Ask a human"}]` and `steps["Ask a human"] = {"Type": "Task", '
        '"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": queue_url, "MessageBody.$": "$.id"}'
        ', "ResultPath": "$.note", "Next": "Release"}`',
    ],
}
WHY = {
    "ships": "Each function gets the whole order, and its result stands beside it. Step Functions calls one when the "
    "other is done, and nobody is paid for waiting. **On AWS** it is the same; the role of the machine must allow "
    "`lambda:InvokeFunction` for each of them.",
    "patient": "The pauses grow, so a busy bank gets time, and they end. A declined card is asked once, because "
    "`ErrorEquals` does not name it. **On AWS** each retry is one more transition on the bill; with many orders "
    "at once add `JitterStrategy: FULL`, so that they do not all come back together.",
    "declined": "Retry came first, Catch took what was left: the refusal at once, the busy bank after its last retry. "
    "The order stood beside the error, so `Release` knew whose bowl it is. **On AWS** an alarm on the metric "
    "`ExecutionsFailed` tells you; it would not if the workflow ended as succeeded.",
    "undelivered": "Compensations run from the last step back to the first, and the second path joins the first. A "
    "saga does not roll back as a database does: for a moment the customer *has* paid, and both payments "
    "stay on the statement. **On AWS** it is the same.",
    "stubborn": "A compensation is a call like any other and fails like any other. It has to be tried until it works, "
    "so it should do no harm when it runs twice: `refund` refuses to pay back more than was paid. **On AWS** it is the "
    "same.",
    "by_hand": "What cannot be undone by the workflow is handed to a human, with the order's id, and the rest is "
    "undone all the same. Step Functions sent the message itself: there was no function to write. **On AWS** the role "
    "needs `sqs:SendMessage` for this queue, and someone has to read it: an alarm on the age of its oldest message "
    "helps.",
}
