"""What the lab thumbnails says: three hints for each task, and why its answer works."""

HINTS = {
    "layer": [
        """\
`club.pillow()` returns Pillow's files by path. Lambda unpacks a layer in `/opt`, and Python looks for modules in
`/opt/python`.""",
        """\
Every path needs `python/` in front, those of `PIL` as well as those of its compiled libraries. `package` makes
a zip of such a dictionary, and `lambda_.publish_layer_version` takes it as `Content={"ZipFile": ...}`.""",
        """\
`files = {f"python/{path}": content for path, content in club.pillow().items()}`, then
`layer = lambda_.publish_layer_version(LayerName="pillow", Content={"ZipFile": package(files)})`. Its ARN is
`layer["LayerVersionArn"]`.""",
    ],
    "function": [
        """\
The event has `Records`. In each, `record["s3"]["bucket"]["name"]` and `record["s3"]["object"]["key"]` say what
arrived. Read the object into an `io.BytesIO`, and Pillow's `Image.open` opens that.""",
        """\
`image.thumbnail((160, 160))` makes an image smaller and keeps its shape. Save it as JPEG into a new `io.BytesIO`,
and put its `getvalue()` into the same bucket. Give the function the layer, 512 MB and 20 s.""",
        """\
In the handler: `body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()`, `image =
Image.open(io.BytesIO(body))`, `image.thumbnail((160, 160))`, `out = io.BytesIO()`, `image.save(out, "JPEG")`,
`s3.put_object(Bucket=bucket, Key="thumbnails/" + key.rpartition("/")[2], Body=out.getvalue())`. Create the function
with `Layers=[layer["LayerVersionArn"]], Timeout=20, MemorySize=512`.""",
    ],
    "permission": [
        """\
The refusal means: S3 asked whether it may call the function, and the function's policy said no.
`lambda_.add_permission` adds a statement to that policy.""",
        """\
The principal is a service, `s3.amazonaws.com`, and the action is `lambda:InvokeFunction`. `SourceArn` says for
which bucket: S3 serves everybody's buckets.""",
        """\
`lambda_.add_permission(FunctionName="club-thumbnails", StatementId="pictures-arrive",
Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn=club.BUCKET_ARN,
SourceAccount="123456789012")`""",
    ],
    "trigger": [
        """\
The bucket's notification configuration says what S3 tells to whom. `notify` sends it with
`s3.put_bucket_notification_configuration`; each entry wants the function's ARN.""",
        """\
One `LambdaFunctionConfigurations` entry has `LambdaFunctionArn`, `Events` and a `Filter`. The event
`s3:ObjectCreated:*` covers every way in which an object comes. `Filter["Key"]["FilterRules"]` is a list of a `prefix`
and a `suffix`.""",
        """\
`rules = [{"Name": "prefix", "Value": "uploads/"}, {"Name": "suffix", "Value": ".jpg"}]`, then
`notify({"LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"],
"Filter": {"Key": {"FilterRules": rules}}})`""",
    ],
    "no_loop": [
        """\
Without the prefix `uploads/`, S3 would call the function for thumbnails too. What do all scans have in common
that no thumbnail has?""",
        """\
Their keys begin with `scan-`. A configuration may have two entries for one function, if their filters do not
overlap. Put both in one call: a new configuration replaces the old one.""",
        """\
Make one entry for each of `"uploads/"` and `"scan-"` as the prefix, both with the suffix `.jpg`, and give both to
one call: `notify(uploads, scans)`, where each is `{"LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"],
"Filter": {"Key": {"FilterRules": rules}}}` with rules of its own.""",
    ],
    "names": [
        """\
Which key does the event name, and which key does the picture have? Look at both. What exactly did the function
ask for?""",
        """\
S3 writes keys in events as in a URL's query: a space becomes `+`, `ü` becomes `%C3%BC`, and a `+` becomes `%2B`.
Python's `urllib.parse` has the way back.""",
        """\
`from urllib.parse import unquote_plus` at the top, and in the handler
`key = unquote_plus(record["s3"]["object"]["key"])`. Then update the code.""",
    ],
}

WHY = {
    "layer": """\
**Why it works.** A function has the standard library and boto3, nothing of your notebook. Lambda lays the layer under
`/opt`, Python finds `PIL` in `/opt/python`, and `PIL` finds its compiled libraries beside it.

**On AWS** the files must fit Lambda's Linux and the function's Python, not your machine's. There you would fetch
them with `pip install --platform manylinux2014_x86_64 --python-version 3.13 --only-binary=:all: --target python
pillow`.""",
    "function": """\
**Why it works.** The event holds only names; the function fetches the picture itself. Pillow works in memory, so
no file is left behind, and `thumbnail` keeps the shape.

**On AWS** it is the same. More memory also brings more CPU, which pictures like: try two sizes and compare the
bills.""",
    "permission": """\
**Why it works.** Two policies meet. The execution role says what the function may do; the function's own policy
says who may call it. S3 looks before it takes a configuration, and only your bucket passes.

**On AWS** give `SourceAccount` as well: a bucket's ARN has no account in it, and a name that you give up can be taken
by somebody else.""",
    "trigger": """\
**Why it works.** S3 compares each new key with the filter, and tells Lambda asynchronously: whoever uploads does
not wait for the thumbnail. What the filter leaves out costs nothing.

**On AWS** it takes seconds at most, as a rule. An event can come twice: here that would only write the same thumbnail
again. Two filters for the same event that overlap are refused.""",
    "no_loop": """\
**Why it works.** The thumbnails' keys fit neither prefix, so what the function writes never calls it.

**On AWS** Lambda notices many such loops and stops them after a while; do not build on it. Safer still: a second
bucket for the thumbnails.""",
    "names": """\
**Why it works.** Keys in S3's events are URL-encoded, and `unquote_plus` is the exact way back: first `+`, then
the percent signs.

**On AWS** it is the same, and the error comes only when the first member has an umlaut in a name. In events that S3
sends through EventBridge the key is written as it is.""",
}
