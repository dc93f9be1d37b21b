"""Hints and explanations of the lab architecture_microservices."""

HINTS = {
    "bookings": [
        "A table, a function, and an API whose `Domain` gives it the name. The chapter's template has all three.",
        "`AWS::Serverless::Api` with `StageName` and `Domain: {DomainName: bookings.huts.example, CertificateArn: "
        "!Ref Certificate, EndpointConfiguration: REGIONAL, Route53: {HostedZoneId: !Ref Zone}}`; the function's "
        "events name it by `RestApiId`. The function may read and write its table.",
        "Events `{Type: Api, Properties: {RestApiId: !Ref BookingsApi, Path: /bookings, Method: post}}` and the "
        'same with `Path: "/bookings/{id}", Method: get`; the code puts `json.loads(event["body"])` into the table '
        'and answers `{"statusCode": 201, "body": json.dumps(booking)}`.',
    ],
    "weather": [
        "Ask the rescue's service by its name, wait no longer than a guest would, and keep what you heard.",
        "`urllib.request.urlopen(url, timeout=1)` raises an `OSError` when the server is slow, gone, or answers "
        "with an error. What you heard last belongs into a table: an environment of a function forgets.",
        "In `try`: read `https://weather.huts.example/HUT` (`Web` stands for `https://`), put it under the key "
        '`weather HUT` into the table, return it. In `except OSError`: get that item, and return `{"weather": '
        'item.get("weather"), "old": True}`.',
    ],
    "kitchen": [
        "`bookings` says what has happened, and answers. A queue keeps what the kitchen cannot cook yet.",
        "A topic, a queue with a subscription and a queue policy, and the function `app.cook` with an event of the "
        "type `SQS`. Two stoves: `ReservedConcurrentExecutions`, and `ScalingConfig` for the queue. `app.meals` "
        "gets an API with the name `kitchen.huts.example`.",
        "`Properties: {Queue: !GetAtt ToCook.Arn, BatchSize: 1, ScalingConfig: {MaximumConcurrency: 2}}` and "
        "`ReservedConcurrentExecutions: 2`; in `bookings`: `sns.publish(TopicArn=..., "
        "Message=json.dumps(booking))`, with the policy `SNSPublishMessagePolicy`.",
    ],
    "ledger": [
        "The ledger is one more listener. `bookings` need not change for it.",
        "Each listener has a queue (or a subscription) of its own at the topic. Handlers: `app.note` hears, "
        "`app.nights` answers at `ledger.huts.example`.",
        "An event `{Type: SNS, Properties: {Topic: !Ref Booked}}` for the function with the handler `app.note`, "
        "and an API with `Domain` whose `GET /nights/{hut}` leads to `app.nights`. Both functions share one table.",
    ],
    "leftovers": [
        "A message that fails again and again belongs into a queue of its own.",
        "`RedrivePolicy` of the kitchen's queue names that queue, and how often a message may be received before.",
        "`RedrivePolicy: {deadLetterTargetArn: !GetAtt Spoilt.Arn, maxReceiveCount: 3}` below the kitchen's queue, "
        "a queue `Spoilt`, and the output `Leftovers: {Value: !Ref Spoilt}`.",
    ],
}
WHY = {
    "bookings": (
        "One property became a custom domain name, a mapping and a record. Guests know the name and nothing else, "
        "so you may rebuild what stands behind it. **On AWS** the certificate must be validated first, and names "
        "take a while to be known everywhere."
    ),
    "weather": (
        "A booking does not need today's weather, so yesterday's will do. The timeout is what a guest can bear, "
        "and the fallback is honest: it says that it is old. **On AWS** it is the same code; a cache such as "
        "ElastiCache could keep the weather, too."
    ),
    "kitchen": (
        "The queue takes bookings as fast as guests come, and gives them as fast as two stoves can cook. A night's "
        "rush makes dinner late, and nobody waits at the desk. **On AWS** it is the same; watch "
        "`ApproximateAgeOfOldestMessage` to learn how late."
    ),
    "ledger": (
        "The topic gives each listener its own copy, and `bookings` does not know how many there are. That is how "
        "a fourth service comes to three without a release of any of them. **On AWS** deliveries are at least "
        "once: the ledger writes under the booking's id, so twice is once."
    ),
    "leftovers": (
        "A booking that cannot be cooked is nobody's problem but the cook's, and it is not lost. **On AWS** put an "
        "alarm on the number of messages there, and send them back (`StartMessageMoveTask`) when the kitchen has "
        "learned."
    ),
}
