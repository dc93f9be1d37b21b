"""What the lab order_queue says: three hints for each task, and why its answer works."""

HINTS = {
    "worker": [
        """\
A batch is a list: `event["Records"]`. One record is one message. What the shop sent is a text under
`record["body"]`; `json.loads` makes a dictionary of it.""",
        """\
For each record: read the order, turn `"24.50"` into 2450 cents, and call `charge(order_id, cents)` from
`payments`. The zip holds two files: `package({"app.py": code, "payments.py": posters.PAYMENTS})`.""",
        """\
The body of the loop is `order = json.loads(record["body"])`, `cents = round(float(order["price"]) * 100)`,
`charge(order["order"], cents)`. Then `lambda_.create_function(FunctionName="charge-orders", Runtime="python3.13",
Role=role_arn, Handler="app.handler", Timeout=10, Code={"ZipFile": ...})`.""",
    ],
    "mapping": [
        """\
Three calls: one to IAM, so that Lambda may read the queue in the role's name; one to SQS, for the visibility
timeout; one to Lambda, for the event source mapping.""",
        """\
The actions are `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:GetQueueAttributes`, on `queue_arn`. The
attribute is `VisibilityTimeout`, a text. Six times 10 seconds are 60.""",
        """\
`iam.put_role_policy(RoleName="poster-worker", PolicyName="read-orders", PolicyDocument=...)`, then
`sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "60"})`, then
`lambda_.create_event_source_mapping(EventSourceArn=queue_arn, FunctionName="charge-orders")`.""",
    ],
    "dead_letters": [
        """\
A dead-letter queue is an ordinary queue. What makes it one is an attribute of the *other* queue, the one that
the orders are in: its redrive policy.""",
        """\
The attribute is `RedrivePolicy`, a JSON text with `deadLetterTargetArn` and `maxReceiveCount`. The ARN of the new
queue is its attribute `QueueArn`.""",
        """\
`sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn":
dead_arn, "maxReceiveCount": 5})})`. Then start the line again: `lambda_.update_event_source_mapping(UUID=...,
Enabled=True)`.""",
    ],
    "partial": [
        """\
Two sides must agree. The mapping has to ask for a report of failures, and the function has to return one. With
one side only it gets worse, not better.""",
        """\
Catch the error inside the loop, for each record, and go on with the next. Return
`{"batchItemFailures": [{"itemIdentifier": ...}, ...]}`. A message's identifier is the record's `messageId`.""",
        """\
In the loop: `try:` charge, `except Exception as error:` print it, and
`failed.append({"itemIdentifier": record["messageId"]})`. After the loop: `return {"batchItemFailures": failed}`.
The mapping: `lambda_.update_event_source_mapping(UUID=..., FunctionResponseTypes=["ReportBatchItemFailures"])`.""",
    ],
    "idempotent": [
        """\
Before you charge, write a note that this order is paid, in a way that only the first can write it. DynamoDB has a
write for that: `put_item` with a condition.""",
        """\
The condition is `attribute_not_exists(order_id)`. Who comes second gets `ConditionalCheckFailedException`: that is no
failure, the work is done. If the charge fails, delete the note again; or the next try finds a note and no money.""",
        """\
`try: dynamodb.put_item(TableName="paid-orders", Item=note, ConditionExpression="attribute_not_exists(order_id)")`,
`except dynamodb.exceptions.ConditionalCheckFailedException: return`. Then `try: charge(...)`,
`except Exception: dynamodb.delete_item(TableName="paid-orders", Key=note); raise`. `note` is
`{"order_id": {"S": order["order"]}}`; work out the cents before you write it.""",
    ],
    "repair": [
        """\
First the code, then the messages. If you move them back before the worker can read them, they are in the dead-letter
queue again five tries later. The log says what it could not read.""",
        """\
`float("24,50")` fails because of the comma. To move a message: receive it from the dead-letter queue, send its body
to the orders, and only then delete it. Do that until nothing is received.""",
        """\
In the code: `float(order["price"].replace(",", "."))`. The loop: `while messages :=
sqs.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=10).get("Messages"):`, and for each message
`sqs.send_message(QueueUrl=queue_url, MessageBody=message["Body"])`, then
`sqs.delete_message(QueueUrl=dead_url, ReceiptHandle=message["ReceiptHandle"])`.""",
    ],
}

WHY = {
    "worker": """\
**Why it works.** A batch of messages is one event, and one event is one call of your handler. You tried it without a
queue, with an event that you wrote yourself.

**On AWS** it is the same: an event of that form is the quickest test of a function behind a queue.""",
    "mapping": """\
**Why it works.** SQS calls nobody. The event source mapping is a poller in Lambda. It receives messages, calls your
function synchronously with a batch, waits for the answer, and deletes the batch if the answer is no error. The
permissions are the execution role's.

While a batch is being worked on, its messages are invisible. AWS refuses a visibility timeout below the function's
timeout; six times is its advice, so that a throttled batch can be tried again before it shows up a second time.

**On AWS** a mapping needs some seconds until it is `Enabled`, and an idle queue is polled all the time: you pay for
these requests to SQS.""",
    "dead_letters": """\
**Why it works.** SQS counts how often each message is received. After five times the next receive moves it to the
dead-letter queue, where nobody polls. The poison stops, and the order is not lost. The queue has the policy, not the
function: a function's own dead-letter queue is for asynchronous calls.

**On AWS** it is the same. Give the dead-letter queue a longer retention than the queue, because a message keeps the
time at which it was first sent, and put an alarm on it: a queue that nobody looks at is a slow way to lose orders.""",
    "partial": """\
**Why it works.** Lambda deletes what the report does not name. What it names becomes visible again when its time is
up, with its receive count. An empty report means that all went well. An identifier that Lambda does not know fails
the whole batch, and so does an exception that leaves the handler.

**On AWS** it is the same. In a FIFO queue you must stop at the first failure and report all that follow, or the
order of a group breaks.""",
    "idempotent": """\
**Why it works.** A standard queue delivers at least once, and a shop's customers click twice. The condition and the
write are one step in DynamoDB: of two workers that come at the same moment, one writes the note. Your function may
now run twice for an order, and the customer pays once: it is **idempotent**. A `set` in the function's memory would
not do: other environments do not see it, and it ends with its own.

**On AWS** it is the same. One gap is left: a worker that is killed between the note and the charge leaves a note and no
money. A card company that takes an idempotency key closes it, because then the note and the charge are one write.""",
    "repair": """\
**Why it works.** The dead-letter queue kept the orders until the code could read them. You sent first and deleted
second. In the worst case an order is in both queues, and the worker, idempotent now, charges it once. The other way
round the worst case is a lost order.

**On AWS** one call does this: `sqs.start_message_move_task(SourceArn=dead_arn)`, or the button "Start DLQ redrive" in
the console. The local SQS does not have it.""",
}
