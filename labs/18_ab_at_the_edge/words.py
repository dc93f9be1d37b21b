"""Hints and explanations of the lab ab_at_the_edge."""

HINTS = {
    "private": [
        "Two sides have to agree: the origin says how CloudFront signs (origin access control), and the "
        "bucket's policy says who may read.",
        "The principal is the service `cloudfront.amazonaws.com`, and a condition on `AWS:SourceArn` "
        "names your distribution. `DefaultRootObject` is what `/` means.",
        '`cloudfront.create_origin_access_control(...)` with `"SigningBehavior": "always"`, its id into '
        '`origin["OriginAccessControlId"]`, then `create_distribution`, then `s3.put_bucket_policy` with '
        '`"Condition": {"StringEquals": {"AWS:SourceArn": made["ARN"]}}`.',
    ],
    "groups": [
        "Which of the four events comes before the cache? There the function must run, or one visitor decides for all.",
        "The cookies are in `request['headers'].get('cookie', [])`, each with a `value` such as "
        "`theme=dark; group=a`. `SimpleCookie` from `http.cookies` reads them. What is neither `a` nor "
        "`b` is a new visitor.",
        "`if request['uri'] == '/': request['uri'] = f'/{group}/index.html'`, with `group = "
        "random.choice('ab')` unless the cookie says `a` or `b`; then `at(version(\"groups\", source), "
        '"viewer-request")`.',
    ],
    "stays": [
        "A function at viewer-response may add a `Set-Cookie` header. How does it know whose page it is?",
        "Page A says so itself: its response has the header `x-amz-meta-group`. Add `Max-Age`, in "
        "seconds, and `Path=/`.",
        "`meta = response['headers'].get('x-amz-meta-group')`, and if there is one: "
        "`response['headers']['set-cookie'] = [{'key': 'Set-Cookie', 'value': f\"group={meta[0]['value']};"
        ' Max-Age=2592000; Path=/"}]`',
    ],
    "cached": [
        "What does the answer depend on, once your function has changed the path?",
        "On the path alone: no cookie, no query string and no header belongs into the key. There is a "
        "managed policy for that.",
        '`config["DefaultCacheBehavior"]["CachePolicyId"] = "658327ea-f89d-4fab-a63d-7e88639e58f6"`, '
        "which is *CachingOptimized*.",
    ],
    "headers": [
        "You have a function that sees every answer already.",
        "Add three entries to `response['headers']`, for every answer, not only for pages. A new version "
        "is not at the distribution before you associate it.",
        "`response['headers']['x-frame-options'] = [{'value': 'DENY'}]`, likewise "
        "`'strict-transport-security'` with `max-age=31536000` and `'x-content-type-options'` with "
        '`nosniff`; then `at(version("answers", source), "viewer-response")`.',
    ],
    "results": [
        "A behaviour of its own for `/results/*`, with a trusted key group. One policy with a wildcard "
        "opens many files.",
        "`create_public_key`, `create_key_group`, a behaviour with `PathPattern` and `TrustedKeyGroups`. "
        "`CloudFrontSigner.generate_presigned_url(address, policy=...)` makes the three values; as "
        "cookies their names begin with `CloudFront-`.",
        '`rule = {"Resource": distribution_address(site, "/results/*"), "Condition": {"DateLessThan": '
        '{"AWS:EpochTime": int(time.time()) + 8 * 3600}}}`, sign `json.dumps({"Statement": [rule]})`, and'
        ' return `{f"CloudFront-{name}": value}` for each part of the query string.',
    ],
    "news": [
        "First the new page, then the cache. What does the cache know the page by?",
        "By the path that your function made of it, `/b/index.html`. Each invalidation needs a "
        "`CallerReference` of its own.",
        "`lighthouse.put(key, text)`, then `cloudfront.create_invalidation(DistributionId=site, "
        'InvalidationBatch={"CallerReference": str(time.time()), "Paths": listed(f"/{key}")})`.',
    ],
}
WHY = {
    "private": "The bucket knows one reader: CloudFront, signing for your distribution. A policy without "
    "`AWS:SourceArn` would let in anybody's distribution, because the service is the same for all "
    "accounts. **On AWS** a change takes some minutes to reach all edge locations, and http would be "
    "redirected to https.",
    "groups": "Viewer-request runs for each visit, before the cache, so it may choose, and what it writes into the "
    "path becomes the key of the cache. It believes no cookie that it does not know. **On AWS** the "
    "copies of this version run in many Regions, and keep their logs there.",
    "stays": "The page itself says whose it is, so the function at viewer-response needs to know nothing about the"
    " choice. The browser keeps the cookie for a month, the edge keeps nothing. **On AWS** it is the "
    "same; a visitor who deletes cookies, or takes another device, is a new visitor there too.",
    "cached": "Two pages, two keys: the path tells them apart, and no cookie is in the key. With all cookies in it "
    "each visitor would have a cache of his own. **On AWS** each edge location fills its own cache, so a "
    "small site has fewer hits.",
    "headers": "What is at viewer-response is on every answer, hits included. An association names one version: the "
    "new one counts when the distribution says so. **On AWS** a *response headers policy* adds fixed "
    "headers without any code; it is not built here.",
    "results": "The signature is checked before the cache answers. One policy with a wildcard opens all results, the"
    " private key never leaves your application. **On AWS** it is the same; the cookies would be set with"
    " `Secure; HttpOnly` after Ruta has signed in.",
    "news": "An invalidation names what the cache knows: the path after your function. **On AWS** it takes some "
    "time to reach all edge locations. AWS advises to invalidate both paths, the visitor's and the "
    "changed one.",
}
