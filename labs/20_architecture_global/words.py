"""Hints and explanations of the lab architecture_global."""

HINTS = {
    "board": [
        "A private bucket in each Region, and one distribution that may read both. Much of it is in the "
        "chapter's template.",
        'Take `coast.from_chapter("Site", "SitePolicy", "OriginAccess", "Edge", "Api")`, and tell the outputs '
        "`Site` and, on the condition `HasEdge`, `Distribution`. The edge is made when `OtherApi` is known, "
        "and that comes from your output `Url`.",
        "Outputs: `Site: {Value: !Ref Site}`, `Distribution: {Condition: HasEdge, Value: !Ref Edge}`, `Url: "
        '{Value: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com"}`; then `coast.deploy(basis, '
        "outputs)`.",
    ],
    "reports": [
        "One function for both paths: `POST /api/reports` writes, `GET /api/reports/{harbour}` reads. The "
        "table is a global table whose first stack owns it.",
        "Give the table a partition key `harbour` and a sort key `office`; the function puts an item and "
        "queries a harbour. The level is the highest of what the query finds, or 0.",
        '`table.query(KeyConditionExpression=Key("harbour").eq(harbour))["Items"]`, then '
        '`max([int(one["level"]) for one in found], default=0)`; refuse with 400 what is no `int` from 0 to '
        "12. Its role needs `dynamodb:PutItem` and `dynamodb:Query` on the table in its own Region.",
    ],
    "conflict": [
        "The last writer wins the whole item. So who must never write the same item?",
        "Two offices. What each of them reported last is an item of its own, and reading looks at both.",
        'Put `{"harbour": ..., "office": ..., "level": ...}` into a table with the keys `harbour` and '
        "`office`: a later report of the same office replaces its own item only.",
    ],
    "mail": [
        "A function on the stream of each Region's replica, and a way to know which Region took the report.",
        "Write the Region into the item, and filter for it in the event source mapping. A report that is "
        "raised is a `MODIFY`, not an `INSERT`. Is the level a number in the stream's record?",
        'Filter: `{"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"region": {"S": '
        '["${AWS::Region}"]}}}}` in a `!Sub`. In the function: `int(image["level"]["N"]) >= 8`. The identity '
        "of the sender has to be there in both Regions.",
    ],
    "pictures": [
        "The function is in `functions/thumbnails`. It reads an environment variable; and a picture of one "
        "Region is in one Region's bucket only.",
        "The variable is `LARGEST`. CloudFront asks the first bucket first: what does S3 answer when a key is "
        "missing and you may not list the bucket?",
        "It answers 403. So the origin group of the site must fail over at 403, too: `FailoverCriteria: "
        "{StatusCodes: {Quantity: 4, Items: [403, 500, 503, 504]}}`.",
    ],
    "outage": [
        "Everything that reads goes through CloudFront. Does each of its behaviours lead to an origin group?",
        "The chapter's edge has a behaviour for `/api/posts/*`. Yours needs one for `/api/reports/*`, to the "
        "group `api`.",
        "Override `CacheBehaviors` of `Edge`: `PathPattern: /api/reports/*`, `TargetOriginId: api`, the cache "
        "policy *CachingDisabled* and the origin request policy *AllViewerExceptHostHeader*, as in the chapter.",
    ],
}
WHY = {
    "board": (
        "CloudFront signs its requests with the origin access control, and each bucket lets in CloudFront for this "
        "account. **On AWS** name the distribution in the policy (`AWS:SourceArn`) when you know it."
    ),
    "reports": (
        "Each Region writes and reads its own replica; DynamoDB carries the items over, usually within a second. "
        "**On AWS** a reader in the other Region may see the old level for that second."
    ),
    "conflict": (
        "No two writers share an item, so no write can win over another's. What belongs together is put together "
        "when somebody reads. **On AWS** it is the same; a sum would be kept as one item for each Region, too."
    ),
    "mail": (
        "Both replicas' streams have the report; the item says who took it, and one filter matches. **On AWS** "
        "Lambda delivers at least once, so a mail may come twice, seldom: remember what was sent if that hurts."
    ),
    "pictures": (
        "CloudFront asks the first bucket, hears 403, and asks the second: the reader needs to know neither. The "
        "price is one more request for each missing picture. **On AWS** S3 replication copies pictures to the "
        "other Region instead."
    ),
    "outage": (
        "Reads fail over in the origin group. Writes went to the second Region's own address, and came over when "
        "the first was back. **On AWS** a failover record of Route 53 gives writes one name for both addresses."
    ),
}
