"""Hints and explanations of the lab architecture_paid_content."""

HINTS = {
    "doors": [
        "Two behaviours of one distribution: one asks for a signature, one does not. And a bucket policy that lets in "
        "the distribution and keeps everybody else out, whatever they may do otherwise.",
        "The default behaviour gets `TrustedKeyGroups: [!Ref ...]`; a cache behaviour with "
        '`PathPattern: "/samples/*"` comes without it. An own presigned URL asks in your name: only an explicit Deny '
        "refuses it.",
        "A second statement in the bucket's policy: `Effect: Deny`, `Principal: '*'`, `Action: s3:GetObject`, and "
        '`Condition: {StringNotEquals: {"AWS:SourceArn": !Sub '
        '"arn:aws:cloudfront::${AWS::AccountId}:distribution/${Site}"}}`.',
    ],
    "signed_in": [
        "The authorizer answers 401 before your function runs. The 403 is your function's, from what the table says.",
        "An `AWS::Serverless::Api` with `Auth: {DefaultAuthorizer: SignedIn, Authorizers: {SignedIn: {UserPoolArn: "
        "!GetAtt Users.Arn}}}`, and a client of the pool with `ALLOW_USER_PASSWORD_AUTH`.",
        "The output `Api` is an address: `!Sub "
        '"https://${Api}.execute-api.${AWS::Region}.amazonaws.com/prod"`. The function reads '
        '`event["requestContext"]["authorizer"]["claims"]["sub"]`, looks for `USER/COURSE` in the table, and returns '
        '`{"statusCode": 403, "body": "{}"}` if there is nothing.',
    ],
    "course": [
        "A canned policy is for one address. A custom policy may have `*` in it.",
        "`CloudFrontSigner(key_id, sign).generate_presigned_url(url, policy=policy)` signs the policy that you give, "
        "and what comes after the `?` opens whatever the policy names.",
        '`{"Statement": [{"Resource": f"{SITE}/courses/{course}/*", "Condition": {"DateLessThan": '
        '{"AWS:EpochTime": int(time.time()) + 90}}}]}`, as JSON with `separators=(",", ":")`; then '
        '`{"query": url.partition("?")[2]}`.',
    ],
    "bounds": [
        "What does your policy name: this course, all courses, everything? And until when?",
        "The course in the policy has to be the one that was paid for, and the question to the table has to be about "
        "the user of the token.",
        '`"Resource": f"{SITE}/courses/{course}/*"` with the course of the path, `int(time.time()) + 90`, and the '
        "key `f\"{claims['sub']}/{course}\"`.",
    ],
    "ended": [
        "The table says until when. Who compares that with now?",
        "If a refund changes nothing for a while, look for something that remembers: a cache in the API, or an item "
        "that the function has kept in a global variable.",
        'An item that is there is not enough: `item.get("until", 0) <= time.time()` is 403, too.',
    ],
}
WHY = {
    "doors": (
        "CloudFront decides about viewers by their signature, S3 about CloudFront by the bucket's policy, and the Deny "
        "keeps out everybody else, also those whose own policies allow reading: an explicit deny wins. **On AWS** a "
        "Deny like this hits your own tools, too. Uploads go on, because it names `s3:GetObject` only."
    ),
    "signed_in": (
        "401 means: I do not know you. 403: I know you, and the answer is no. The authorizer costs nothing and stops "
        "whoever has no token before a function runs. **On AWS** it is the same."
    ),
    "course": (
        "One signature over one policy opens all that the policy's `*` names, so a player goes from lesson to lesson "
        "without asking again. **On AWS** a browser would rather get the three values as signed cookies, so that the "
        "addresses stay as they are."
    ),
    "bounds": (
        "A signature is a bearer's: whoever has it, listens. So it names as little as possible, for as short as "
        "possible, and the API gives it to the payer only. **On AWS** the addresses of viewers could be part of the "
        "policy, but people's addresses change on the way to work."
    ),
    "ended": (
        "CloudFront never asks the table, the API does at each question. So a refund works after the life of a link at "
        "the latest. **On AWS** it is the same; for a leaked *key* there is the key group: take the key out, and all "
        "that it ever signed is dead."
    ),
}
