"""Hints and explanations of the lab architecture_crud."""

HINTS = {
    "notes": [
        "Chapter 19's template has all of these blocks. Which of its lines does this club not want?",
        "A table with the keys `member` and `id`, a function with `CodeUri: functions/notes` and the variable "
        "`NOTES`, an API with a default authorizer, a user pool, an app client with `ALLOW_USER_PASSWORD_AUTH`. The "
        "function may Query, PutItem and UpdateItem. A member wants to see a bird at once: no cache for `GET "
        "/sightings`.",
        "`Api: {Type: AWS::Serverless::Api, Properties: {StageName: prod, Auth: {DefaultAuthorizer: Members, "
        "Authorizers: {Members: {UserPoolArn: !GetAtt Users.Arn}}}}}`; below the function's `Events` two of the type"
        " `Api` with `RestApiId: !Ref Api` and `Path: /sightings`, one with `Method: get`, one with `post`; outputs "
        "`Api`, `Users` and `App`.",
    ],
    "hall": [
        "One route needs no token. And something has to answer in place of the function.",
        "An event with `Auth: {Authorizer: NONE}`. A REST API has a cache: `CacheClusterEnabled`, "
        "`CacheClusterSize`, and `MethodSettings` for one method. By default it keeps answers for 300 seconds.",
        "`MethodSettings: [{ResourcePath: /counts, HttpMethod: GET, CachingEnabled: true, CacheTtlInSeconds: 30}]` "
        'with `CacheClusterEnabled: true` and `CacheClusterSize: "0.5"`; the event: `{Type: Api, Properties: '
        "{RestApiId: !Ref Api, Path: /counts, Method: get, Auth: {Authorizer: NONE}}}`.",
    ],
    "photos": [
        "The role of an identity pool, as in chapter 19; its policy has two statements here. Which actions for which"
        " objects?",
        "GetObject is for all objects of the bucket. PutObject and DeleteObject are for the folder that "
        "`${cognito-identity.amazonaws.com:sub}` names; in `!Sub` it is written with `${!`.",
        'Statements: `{Effect: Allow, Action: s3:GetObject, Resource: !Sub "${Photos.Arn}/*"}` and `{Effect: Allow, '
        "Action: [s3:PutObject, s3:DeleteObject], Resource: !Sub "
        '"${Photos.Arn}/${!cognito-identity.amazonaws.com:sub}/*"}`; the trust policy is chapter 19\'s; outputs '
        "`Identities` and `Photos`.",
    ],
    "walk": [
        "Nothing new has to be built. Look for what keeps members from writing at the same time.",
        "A function runs once for each request at the same moment, up to its reserved concurrency. A table takes "
        "what its capacity allows. And adding is the table's work.",
        "`BillingMode: PAY_PER_REQUEST`, no `ReservedConcurrentExecutions`, and the function as it is: it uses "
        "`UpdateExpression: ADD`, which the table does for one writer after the other.",
    ],
    "gone": [
        "CloudFormation deletes no bucket that has something in it, and no log group that it did not make.",
        "Chapter 19's last cell removes a stack with all that it left.",
        'One line: `deployments.remove("club")`; then `deployments.left()` is an empty list.',
    ],
}
WHY = {
    "notes": "The authorizer refuses before a function runs, and the token says whose notes are meant, so there is "
    "no name in an address that somebody could change. **On AWS** members would sign up themselves, with a "
    "code from a mail.",
    "hall": "What everybody may see, everybody may get from one cache; what is somebody's own is not in it. Half a "
    "minute is old enough for a screen. **On AWS** the cache of a REST API is paid by the hour; CloudFront "
    "before an HTTP API does the same and is paid by request.",
    "photos": "Reading and writing are different actions, so one policy can open all folders for the one and one "
    "folder for the other. **On AWS** the credentials end after an hour, as here; an hour is a minute today.",
    "walk": "An environment for each request at the same moment, units on demand, and an addition that the table "
    "does: nobody waits for anybody, and nothing is lost. **On AWS** it is the same; one counter takes up to"
    " 1,000 writes a second, because it is one item in one partition.",
    "gone": "What the stack made is gone with it; objects, packages and log groups are not the stack's, so somebody "
    "has to think of them. **On AWS** they would be paid for month after month.",
}
