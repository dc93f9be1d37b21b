"""What the lab nightly_report says: three hints for each task, and why its answer works."""

HINTS = {
    "report": [
        """\
`datetime.fromisoformat(event["time"])` is the moment in UTC. The farm lives in Zurich, where it is later: which day
has begun there?""",
        """\
`.astimezone(ZoneInfo("Europe/Zurich"))` gives the farm's time. `f"{local:%A}".lower()` is the weekday. A
`table.query(KeyConditionExpression=Key("weekday").eq(weekday))["Items"]` returns that day's orders; add up `milk` and
`eggs` and make them `int`, because JSON knows no `Decimal`.""",
        """\
`local = datetime.fromisoformat(event["time"]).astimezone(ZoneInfo("Europe/Zurich"))`, then `weekday =
f"{local:%A}".lower()`, `report = {"time": event["time"], "weekday": weekday, "milk": int(sum(o["milk"] for o in
orders)), "eggs": int(sum(o["eggs"] for o in orders))}` and `s3.put_object(Bucket="farm-reports",
Key=f"reports/{local:%Y-%m-%d}.json", Body=json.dumps(report))`.""",
    ],
    "schedule": [
        """\
Two things are needed: a schedule, `scheduler.create_schedule`, and a policy on the role `farm-clock`, which the
schedule uses to call the function. `cron` has six fields: minutes, hours, day of the month, month, weekday, year.""",
        """\
One of the two day fields must be `?`. Weekdays are `MON-SAT`. Name the time zone as `ScheduleExpressionTimezone`.
`FlexibleTimeWindow={"Mode": "OFF"}` means on time. The policy allows `lambda:InvokeFunction` on the function's ARN.""",
        """\
`iam.put_role_policy(RoleName="farm-clock", PolicyName="call-the-function",
PolicyDocument=farm.policy(farm.allow("lambda:InvokeFunction", farm.FUNCTION_ARN)))`, then
`scheduler.create_schedule(Name="farm-night", ScheduleExpression="cron(30 0 ? * MON-SAT *)",
ScheduleExpressionTimezone="Europe/Zurich", FlexibleTimeWindow={"Mode": "OFF"},
Target={"Arn": farm.FUNCTION_ARN, "RoleArn": farm.CLOCK_ROLE_ARN})`.""",
    ],
    "failed": [
        """\
The schedule calls the function asynchronously. What becomes of such events is the function's own setting:
`lambda_.put_function_event_invoke_config`.""",
        """\
`MaximumRetryAttempts` counts the tries after the first. `DestinationConfig` has `OnFailure`, with the queue's ARN as
`Destination`.""",
        """\
`lambda_.put_function_event_invoke_config(FunctionName="farm-report", MaximumRetryAttempts=1,
DestinationConfig={"OnFailure": {"Destination": farm.FAILED_ARN}})`""",
    ],
    "undelivered": [
        """\
This is a setting of the schedule's target: `RetryPolicy` and `DeadLetterConfig`. And the schedule does everything
with its role.""",
        """\
`scheduler.update_schedule` replaces the whole schedule: give it everything again, the time zone too. The role needs
`sqs:SendMessage` on the queue, besides what it has.""",
        """\
`RetryPolicy={"MaximumRetryAttempts": 3}` and `DeadLetterConfig={"Arn": farm.UNDELIVERED_ARN}` go into `Target`, all
else is as in `create_schedule`. Then `iam.put_role_policy(RoleName="farm-clock", PolicyName="tell-of-lost-nights",
PolicyDocument=farm.policy(farm.allow("sqs:SendMessage", farm.UNDELIVERED_ARN)))`.""",
    ],
}

WHY = {
    "report": """\
**Why it works.** The event says for which night the function was called, and the farm's time zone says which day that
is. So a night that is repeated a week later still writes its own report, under its own name.

**On AWS** servers run in UTC. The machine's clock would be right most of the time, and wrong after midnight.""",
    "schedule": """\
**Why it works.** The Scheduler takes the role `farm-clock` and calls the function at half past midnight by the
clocks of Zurich, in summer and in winter.

**On AWS** it is the same, and a night takes a night. A schedule can come a little late, and in rare cases twice: then
this function writes the same report again, which does no harm.""",
    "failed": """\
**Why it works.** For the Scheduler the night was done when Lambda had taken the event. What happens later is
between Lambda and your function: it tried again, then it sent the event and the error to the queue.

**On AWS** there is about a minute before the first new try. The queue keeps messages for 14 days at most, so somebody
must look: an alarm on its length will.""",
    "undelivered": """\
**Why it works.** This queue gets what never reached Lambda: the function is gone, the role may not call it, too many
calls. The attributes of the message say what was tried and how it ended.

**On AWS** it is the same. Without a policy of your own the Scheduler tries 185 times within 24 hours. Keep both
queues: one is for nights that did not begin, the other for nights that failed.""",
}
