"""What the lab capacity_plan says: three hints for each task, and why its answer works."""

HINTS = {
    "table": [
        """\
The question names a rider. Which attribute must the partition key be? And by what are the rides of one rider
ordered?""",
        """\
The partition key (`HASH`) is `rider`, the sort key (`RANGE`) is `started`. Both are texts, type `S`. No other
attribute is declared.""",
        """\
`dynamodb.create_table(TableName="rides", KeySchema=[{"AttributeName": "rider", "KeyType": "HASH"},
{"AttributeName": "started", "KeyType": "RANGE"}], AttributeDefinitions=[{"AttributeName": "rider",
"AttributeType": "S"}, {"AttributeName": "started", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")`. A key
cannot be changed: `dynamodb.delete_table(TableName="rides")` first, if there is one already.""",
    ],
    "ask": [
        """\
One partition key value holds all that is asked for. Which of `get_item`, `query` and `scan` reads just that?""",
        """\
`rides.query(KeyConditionExpression=Key("rider").eq(rider))`. The sort key orders upwards; there is a parameter
that turns it round.""",
        """\
In the function: `return rides.query(KeyConditionExpression=Key("rider").eq(rider),
ScanIndexForward=False)["Items"]`.""",
    ],
    "index": [
        """\
A line is no key of the table, so this question needs an index. Only open rides have `open_since`: what happens to
the others, if that is a key of the index?""",
        """\
Partition key `line`, sort key `open_since`, projection `KEYS_ONLY`: the index then holds open rides only, and
little of each. Query it with `IndexName=...`.""",
        """\
`dynamodb.update_table(TableName="rides", AttributeDefinitions=[...line and open_since, type S...],
GlobalSecondaryIndexUpdates=[{"Create": {"IndexName": "open-rides", "KeySchema": [{"AttributeName": "line", "KeyType":
"HASH"}, {"AttributeName": "open_since", "KeyType": "RANGE"}], "Projection": {"ProjectionType": "KEYS_ONLY"}}}])`, and
`rides.query(IndexName="open-rides", KeyConditionExpression=Key("line").eq(line))["Items"]`. If the table has
provisioned units, `Create` also wants `"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}`.""",
    ],
    "units": [
        """\
A ride has 1,500 bytes. Round up to steps: 1 KB for a write, 4 KB for a read. A query adds up before it rounds, and
an eventually consistent read costs half. Do not forget the index.""",
        """\
A check-in puts an item of two steps and an entry into the index. A check-out takes that entry out again. Twenty
rides have 30,000 bytes. You can also measure: `ReturnConsumedCapacity="TOTAL"`.""",
        """\
`check_in` 3 (two for the table, one for the index), `check_out` 3, `rides_of` 4 (eight steps of 4 KB, half each),
`open_rides` 0.5. Write them as `Decimal("0.5")` and so on.""",
    ],
    "positions": [
        """\
60 buses, every ten seconds, day and night, 300 bytes each. How many write units a second is that? And how much of
what you would provision is used?""",
        """\
6 writes a second, one unit each. They come all the time, so provisioned capacity is used fully: the cheaper mode. A
bit of reserve is fine, as long as the bill stays below 4 USD.""",
        """\
`dynamodb.create_table(TableName="positions", KeySchema=[{"AttributeName": "bus", "KeyType": "HASH"}],
AttributeDefinitions=[{"AttributeName": "bus", "AttributeType": "S"}], ProvisionedThroughput={"ReadCapacityUnits": 1,
"WriteCapacityUnits": 7})`. To change the units of a table that is there: `dynamodb.update_table`.""",
    ],
    "mode": [
        """\
Provisioned units for the peak are paid for all day. Compare the mean of the traffic curve with its peak: how much would
be used?""",
        """\
About 14 % of the peak, far below 29 %. `print(owl.bill("rides"))` shows the month in the present mode;
`dynamodb.update_table` changes `BillingMode`.""",
        """\
`dynamodb.update_table(TableName="rides", BillingMode="PAY_PER_REQUEST")`.""",
    ],
    "guard": [
        """\
An on-demand table can have a maximum of request units a second. It has to be above the peak, or riders are
refused.""",
        """\
`dynamodb.update_table` takes `OnDemandThroughput={"MaxWriteRequestUnits": ...}`. The peak is 40 units a second;
`owl.PEAK_UNITS` says so.""",
        """\
`dynamodb.update_table(TableName="rides", OnDemandThroughput={"MaxWriteRequestUnits": 60})`.""",
    ],
}

WHY = {
    "table": """\
The partition key is what the question names, and the sort key is the order of the answer. There are many
riders, so the load spreads over many partitions. With `line` as the partition key, eight values would carry it
all, and one Saturday night would make a hot partition. On AWS a partition serves at most 1,000 write units a
second.""",
    "ask": """\
A query reads one partition key value, in the order of the sort key: four units, however many riders there are.
The scan would read all 800 rides, and next year's as well. On AWS the answer comes in pages of at most 1 MB:
use a paginator when it may be longer.""",
    "index": """\
An index holds only items that have its keys. Finished rides lose `open_since` and vanish from it, so the
control room reads six small entries: half a unit. Such an index is called *sparse*. On AWS a new index is
filled in the background, and an entry follows its item a moment later.""",
    "units": """\
Writes cost by 1 KB of the item and by what changes in the index; a query costs by the sum of what it read. So
you know the bill before there is traffic. On AWS, too, sizes of numbers are approximate; texts are exact.""",
    "positions": """\
Steady traffic uses nearly all of what is provisioned, far above 29 %. On-demand would cost about three times as
much. On AWS burst capacity is a best effort: keep a reserve.""",
    "mode": """\
The night's peak lasts two hours. Units for it would idle for the rest of the day; fewer units would be
throttled, and auto scaling would come minutes after the buses. Below 29 % of use on-demand is cheaper, and it
needs no foresight. On AWS a new on-demand table serves 4,000 write units a second at once; more comes as
traffic grows.""",
    "guard": """\
The maximum is a fuse: a loop gone wild is throttled, and not billed. On AWS it is a best effort, not a promise
to the unit. Watch it with an alarm on `WriteThrottleEvents`.""",
}
