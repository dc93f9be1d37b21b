"""Hints and explanations of the lab live_leaderboard."""

HINTS = {
    "stream": [
        "Which view types hold the score as it is *after* the gate wrote it?",
        "`update_table` takes a `StreamSpecification` with `StreamEnabled` and `StreamViewType`.",
        '`dynamodb.update_table(TableName="scores", StreamSpecification={"StreamEnabled": True, '
        '"StreamViewType": "NEW_IMAGE"})`',
    ],
    "follow": [
        "An event source mapping joins the stream and the function. The scores of round r1 are in the stream already.",
        "`StartingPosition`: `TRIM_HORIZON` begins with the oldest record, `LATEST` with the next one.",
        '`lambda_.create_event_source_mapping(FunctionName="board", EventSourceArn=stream_arn, '
        'StartingPosition="TRIM_HORIZON")`',
    ],
    "once": [
        "Each record has an `eventID`, the same at each delivery. The function has to remember it where a new "
        "environment finds it.",
        "Write the id into the table `counted` (key `event`) and the points into `leaderboard` in one "
        "`transact_write_items`. The condition `attribute_not_exists(event)` makes the second delivery fail.",
        "`TransactItems=[{'Put': {'TableName': 'counted', 'Item': {'event': record['eventID']}, "
        "'ConditionExpression': 'attribute_not_exists(event)'}}, {'Update': {...}}]`, on `board.meta.client`; catch "
        "`TransactionCanceledException` and pass when the first of its `CancellationReasons` is "
        "`ConditionalCheckFailed`.",
    ],
    "poison": [
        "Three settings of the mapping: one halves a failing batch, one ends the retries, one says where to report.",
        "`update_event_source_mapping` with `BisectBatchOnFunctionError`, `MaximumRetryAttempts`, `DestinationConfig`.",
        '`lambda_.update_event_source_mapping(UUID=mapping["UUID"], BisectBatchOnFunctionError=True, '
        'MaximumRetryAttempts=2, DestinationConfig={"OnFailure": {"Destination": queue_arn}})`',
    ],
    "top": [
        "Which keys must an index have, so that one partition is a round and its items are ordered by points?",
        "A GSI with `round` (HASH) and `points` (RANGE, a Number). A query can walk backwards, and stop.",
        'After `update_table` made the index: `query(IndexName="by-points", '
        'KeyConditionExpression=Key("round").eq(name), ScanIndexForward=False, Limit=10)["Items"]`',
    ],
    "ttl": [
        "Each score has an attribute with the time of its end. And what does a deletion look like in the stream?",
        "`update_time_to_live` with the attribute `expires`. A `REMOVE` record has no `NewImage`: let the function "
        "skip it.",
        '`dynamodb.update_time_to_live(TableName="scores", TimeToLiveSpecification={"AttributeName": "expires", '
        '"Enabled": True})`, and in the function: `if record["eventName"] != "INSERT": continue`.',
    ],
}
WHY = {
    "stream": "The record holds the score as it was written, so the function need not read the table, where it may "
    "have changed again. On AWS the stream is there after a moment; records stay for 24 hours.",
    "follow": "Lambda polls the stream about four times a second and invokes the function with a batch. It began with "
    "the oldest record, so nothing was missed. On AWS a table has many shards, each read by itself.",
    "once": "A batch may come again: after an error, a timeout, or when Lambda is not sure. The id and the points are "
    "written together or not at all, so no delivery counts twice, and none is lost between the two writes. "
    "On AWS a record lives for a day: after that, its id could expire.",
    "poison": "Lambda halved the batch until the nonsense was alone, tried it again, and gave it up; its address in "
    "the stream is in the queue. On AWS, "
    "without that, the shard would stand still for up to 24 hours.",
    "top": "The index keeps each round in the order of points: ten items are read, however many run. On AWS the index "
    "follows a moment after the table.",
    "ttl": "Old scores go without costing write units. Their deletions pass through the stream, too, marked with "
    "`userIdentity`. On AWS that may take days; a filter on the mapping could keep them away from the function.",
}
