"""Hints and explanations of the lab architecture_big_data."""

HINTS = {
    "lake": [
        "A bucket, a role that Firehose may assume, a delivery stream. Counters may send straight to Firehose, so no "
        "stream is needed. The folder of the day is made by the prefix.",
        "`DeliveryStreamType: DirectPut` with an `ExtendedS3DestinationConfiguration`: `Prefix` with "
        "`!{timestamp:yyyy-MM-dd}`, `ErrorOutputPrefix` with `!{firehose:error-output-type}`, `CompressionFormat: "
        "GZIP`. The role may do `s3:PutObject` on `${Lake.Arn}/*`.",
        "`Prefix: counts/day=!{timestamp:yyyy-MM-dd}/`, `ErrorOutputPrefix: rejected/!{firehose:error-output-type}/`, "
        "`BufferingHints: {IntervalInSeconds: 60, SizeInMBs: 64}`; outputs `Intake: {Value: !GetAtt Intake.Arn}` and "
        "`Lake: {Value: !Ref Lake}`. The chapter's template has the role.",
    ],
    "clean": [
        "Firehose calls a function with `event['records']`; each has `recordId` and `data` in base64, and each has to "
        "come back.",
        "Decode, `json.loads`, keep `id`, `bridge` and `bikes`, and end the text with a line end before you encode it. "
        "The function's ARN belongs into `ProcessingConfiguration`; the role may do `lambda:InvokeFunction`.",
        '`{"recordId": record["recordId"], "result": "Ok", "data": base64.b64encode((json.dumps(line) + '
        '"\\n").encode()).decode()}` for each record, and `return {"records": answers}`.',
    ],
    "poison": [
        "Whatever your function raises fails the whole batch. So catch it for each record.",
        "There is a result for a record that cannot be read. It is not `Dropped`: that means to leave it out on "
        "purpose.",
        '`except (ValueError, KeyError): answers.append({"recordId": record["recordId"], "result": '
        '"ProcessingFailed", "data": record["data"]})`, and `ErrorOutputPrefix: '
        "rejected/!{firehose:error-output-type}/`.",
    ],
    "table": [
        "`AWS::Glue::Database` and `AWS::Glue::Table`. The table is called `counts`, and its location is one folder of "
        "the lake, not all of it.",
        "`day` is a partition key and no column; `projection.enabled` and `projection.day.type` are `Parameters`. "
        "JSON is read by `org.openx.data.jsonserde.JsonSerDe`.",
        "`PartitionKeys: [{Name: day, Type: string}]`, `Columns` id (string), bridge (string), bikes (int), "
        '`Location: !Sub "s3://${Lake}/counts/"`, the four `projection` lines of the chapter\'s template; the output '
        "`Database: {Value: !Ref Catalog}`.",
    ],
    "report": [
        "S3 tells a queue about new files below `counts/`, the function `counting/report` takes the messages. It finds "
        "its SQL in the variable `QUERY`.",
        "The queue needs a policy for `s3.amazonaws.com`. The role of the function needs Athena, Glue, reading the "
        "lake, and writing the reports: the chapter's template has all of them. A count that came twice has the same "
        "`id` twice.",
        "`QUERY: SELECT bridge, sum(bikes) AS bikes FROM (SELECT DISTINCT id, bridge, bikes FROM counts WHERE day = "
        "'DAY') AS once GROUP BY bridge ORDER BY bridge`.",
    ],
    "gone": [
        "A stack does not delete buckets that have files in them, nor what Lambda made by itself.",
        "`deployments.remove` does what `sam delete` does, and empties the buckets and removes the log groups "
        "besides. Wait until nothing writes any more.",
        '`deployments.remove("bikes")`, then `deployments.left()` is `[]`.',
    ],
}

WHY = {
    "lake": "Firehose gathered thirty messages into one file. The folder's name is the arrival of the oldest record in "
    "it, so a message that comes late lies in the folder of its arrival, not of its day. **On AWS** an interval of a "
    "minute or more is usual: ten thousand tiny files are slow to query and cost a request each.",
    "clean": "What was never stored cannot leak, and needs no deletion. One line, one object: records are joined as "
    "they are, so the line end is yours to write. **On AWS** Firehose can also add it (the processor "
    "AppendDelimiterToRecord).",
    "poison": "What is rejected is kept whole, and nothing blocks: each record has a result of its own. **On AWS** "
    "somebody has to look: let S3 tell a queue about `rejected/`, too, and put an alarm on its length.",
    "table": "The table is a description; no byte moved. A filter on `day` keeps the other folders closed, and the "
    "bill small. **On AWS** projection works out the folders between two dates; without it each new day has to be "
    "registered, or its rows are missing.",
    "report": "Delivery is at least once almost everywhere on this way: devices repeat, SQS does. So the question is "
    "asked in such a way that a second copy changes nothing. **On AWS** Firehose and Kinesis producers can make "
    "second copies, too.",
    "gone": "A stack takes its resources along, but no files, and nothing that Lambda made by itself. **On AWS** the "
    "files of a forgotten lake cost every month, and a forgotten shard every hour.",
}
