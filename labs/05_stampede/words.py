"""What the lab stampede says: three hints for each task, and why its answer works."""

HINTS = {
    "reserve": [
        """\
A reservation takes a part of the account's concurrency and keeps it for one function. Which function must work,
and how many calls of it run at once?""",
        """\
`lambda_.put_function_concurrency` takes `FunctionName` and `ReservedConcurrentExecutions`. Four customers pay at
once.""",
        """\
Call `lambda_.put_function_concurrency(FunctionName="records-checkout", ReservedConcurrentExecutions=4)`.""",
    ],
    "cap": [
        """\
The same setting has two sides: a guarantee and a ceiling. Here you want the ceiling.""",
        """\
The database bears three pages at once. Give `records-catalogue` a reservation of its own.""",
        """\
Call `lambda_.put_function_concurrency(FunctionName="records-catalogue", ReservedConcurrentExecutions=3)`.""",
    ],
    "switch_off": [
        """\
Do not delete anything. There is a number of calls at once that means: none.""",
        """\
It is the same call as before, for `records-suggest`. Which number lets nothing run?""",
        """\
Call `lambda_.put_function_concurrency(FunctionName="records-suggest", ReservedConcurrentExecutions=0)`.""",
    ],
    "provision": [
        """\
A reservation starts nothing. Another setting keeps environments initialised; it belongs to a version or an alias.""",
        """\
`lambda_.put_provisioned_concurrency_config` takes `FunctionName`, `Qualifier` and
`ProvisionedConcurrentExecutions`. The shop calls the alias `live`. The answer says `IN_PROGRESS`; ask
`get_provisioned_concurrency_config` until the status is `READY`.""",
        """\
Call `lambda_.put_provisioned_concurrency_config(FunctionName="records-checkout", Qualifier="live",
ProvisionedConcurrentExecutions=3)`. If you asked for another number, just call it again.""",
    ],
    "retry": [
        """\
Four at once, 0.4 s each: twelve customers need about three rounds. Who is refused in the first must come again,
later and not all together.""",
        """\
boto3 can do that: `Config(retries={...})` takes a `mode`, and `total_max_attempts`, the first attempt included.
The mode `standard` waits with exponential backoff and jitter.""",
        """\
`till = boto3.client("lambda", config=Config(retries={"mode": "standard", "total_max_attempts": 10},
max_pool_connections=20))`, then run `records.noon(till)` again.""",
    ],
    "buffer": [
        """\
A synchronous caller is told 429 and has to come again itself. Which kind of invocation puts the event into a
queue of Lambda's own?""",
        """\
`lambda_.invoke` takes `InvocationType`. With one of its values Lambda answers 202 at once, and tries again for
hours while the function is throttled.""",
        """\
`def send(order):` with one line below it, `lambda_.invoke(FunctionName="records-mailer", InvocationType="Event",
Payload=json.dumps({"order": order}))`. Then run `records.confirm(send)` again.""",
    ],
}

WHY = {
    "reserve": """\
**Why it works.** Four of the account's twelve are kept for the checkout, whether anybody pays or not. The storm at the
catalogue cannot touch them.

**On AWS** it costs nothing, too. But there 100 of an account's 1,000 have to stay unreserved, and an account as small
as Marta's can reserve nothing: she would ask Service Quotas for a higher limit first.""",
    "cap": """\
**Why it works.** A reservation is a ceiling, too. The fourth visitor gets a 429 instead of a page; that is better
than a database that falls over for everybody.

**On AWS** it is the same. It is the usual way to protect what does not scale, such as a relational database.""",
    "switch_off": """\
**Why it works.** With a reservation of zero every call is throttled, and the function keeps its code, its settings
and its triggers. Tomorrow one `delete_function_concurrency` brings it back.

**On AWS** it is the same: it is the quickest way to stop a function that does harm.""",
    "provision": """\
**Why it works.** Lambda started three environments and let them load the tax rules before anybody came. The fourth
customer spills over to an ordinary environment, and waits for it.

**On AWS** it takes a minute or more until the status is READY, so begin early. You pay until you delete it.""",
    "retry": """\
**Why it works.** Who is throttled has not paid, so trying again is safe. The pauses grow, so the load falls; and
chance spreads the customers, so they do not all come back at once.

**On AWS** it is the same. The SDKs retry throttles by themselves, with three attempts in all in mode `standard`; a till
may ask for more. Give up at some point, and say so to the customer.""",
    "buffer": """\
**Why it works.** Lambda took all twelve events at once and kept them in its own queue. The mailer worked them off,
three at a time; throttled events came again by themselves.

**On AWS** it is the same, for up to six hours. For work that must never be lost, put an SQS queue in front, with a
dead-letter queue behind (chapter 03).""",
}
