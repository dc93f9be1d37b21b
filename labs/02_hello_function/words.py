"""What the lab hello_function says: three hints for each task, and why its answer works."""

HINTS = {
    "deploy": [
        """\
A handler takes `event` and `context`. `event` is the dictionary `{"name": "Ana"}`; what the handler returns
is the answer. For a name that may be missing, `event.get` takes a second argument.""",
        """\
Make a zip with `package({"app.py": code})`. Give it to `lambda_.create_function` with `FunctionName`,
`Runtime`, `Role`, `Handler` and `Code`. The handler of the function `handler` in `app.py` is `app.handler`.""",
        """\
Return `{"message": f"Good morning, {event.get('name', 'dear guest')}!"}`. Then
`lambda_.create_function(FunctionName="bakery-hello", Runtime="python3.13", Role=role_arn, Handler="app.handler",
Code={"ZipFile": package({"app.py": code})})`. If the function exists already, replace its code:
`lambda_.update_function_code(FunctionName="bakery-hello", ZipFile=package({"app.py": code}))`.""",
    ],
    "configure": [
        """\
Two things change: the function's configuration, with `lambda_.update_function_configuration`, and its code,
which has to read the variable.""",
        """\
The parameters are `Timeout` in seconds, `MemorySize` in MB and `Environment={"Variables": {...}}`. In the
code, environment variables are in `os.environ`.""",
        """\
Call `lambda_.update_function_configuration(FunctionName="bakery-hello", Timeout=10, MemorySize=256,
Environment={"Variables": {"GREETING": "Good morning"}})`. In the code write `import os` at the top and
`f"{os.environ['GREETING']}, {name}!"` in the message; then update the code.""",
    ],
    "menu": [
        """\
In the handler: if `"day"` is in the event, look the day up. `table.get_item(Key={"day": ...})["Item"]` is the
row, where `table` is `boto3.resource("dynamodb").Table("bakery-menu")`.""",
        """\
The refusal names what is missing: an action and a resource. Give the role `bakery-role` an inline policy with
that action and that resource only: `iam.put_role_policy`.""",
        """\
Call `iam.put_role_policy(RoleName="bakery-role", PolicyName="read-menu", PolicyDocument=json.dumps({"Version":
"2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": menu_arn}]}))`, and in the
handler `answer["special"] = table.get_item(Key={"day": event["day"]})["Item"]["special"]`.""",
    ],
    "layer": [
        """\
A layer is a zip like a package. Lambda unpacks it in `/opt`, and Python looks for modules in `/opt/python`:
that decides the path inside the zip.""",
        """\
Publish it with `lambda_.publish_layer_version(LayerName="opening", Content={"ZipFile": ...})`. Its answer has
a `LayerVersionArn`; attach that with `lambda_.update_function_configuration(..., Layers=[...])`.""",
        """\
The zip is `package({"python/opening.py": bakery.OPENING})`. In the code: `import opening` at the top, and in the
handler `if "hour" in event: answer["open"] = opening.is_open(event["hour"])`. Then update the code; the package
holds `app.py` and nothing else.""",
    ],
    "repair": [
        """\
Invoke the till as the cell above does. The payload names the error. Mend that one thing, invoke again, and
read the next error. There are three.""",
        """\
The first two are configuration: `Handler` must name a function that the code has, and `Timeout` must be longer
than the work. The third is in the code: look at what the counts in the basket are.""",
        """\
Call `lambda_.update_function_configuration(FunctionName="bakery-till", Handler="till.handler", Timeout=5)`.
The mended code is `bakery.TILL.replace("* count", "* int(count)")`; put it into the zip as `till.py` and call
`lambda_.update_function_code`.""",
    ],
    "url": [
        """\
Three things: a URL; permission for everybody to call it; and code that finds the name in another place. In an
event from a URL the query is in `event["queryStringParameters"]`, and every value is a text.""",
        """\
`lambda_.create_function_url_config(FunctionName="bakery-hello", AuthType="NONE")` makes the URL. Two calls of
`lambda_.add_permission` with `Principal="*"` open it: one for `lambda:InvokeFunctionUrl` with
`FunctionUrlAuthType="NONE"`, one for `lambda:InvokeFunction` with `InvokedViaFunctionUrl=True`.""",
        """\
Begin the handler with `asked = event.get("queryStringParameters", event)`, use `asked` instead of `event` below,
and write `opening.is_open(int(asked["hour"]))`. Then update the code.""",
    ],
}

WHY = {
    "deploy": """\
**Why it works.** Lambda unpacked your zip, imported `app` and called `handler` with the event. You never
named a machine.

**On AWS** a new function is `Pending` for a moment. `lambda_.get_waiter("function_active_v2").wait(FunctionName=...)`
waits for it; here it is ready at once.""",
    "configure": """\
**Why it works.** Variables belong to the configuration, so the same package can greet in every town. A
change of the configuration ends the warm environments: the next call began with the new variables.

**On AWS** it is the same. Variables are encrypted at rest; passwords belong in Secrets Manager.""",
    "menu": """\
**Why it works.** Inside the function boto3 signs with the credentials of the execution role. The policy allows
one action on one table, so a mistake in the code can neither empty the menu nor read the wages: least privilege.

**On AWS** a new policy can take some seconds until all servers know it.""",
    "layer": """\
**Why it works.** Lambda laid the layer under `/opt`, where the runtime finds modules, and your package stayed
one small file. Other functions can attach the same layer version.

**On AWS** it is the same. Code and layers together may have 250 MB unzipped.""",
    "repair": """\
**Why it works.** The error type told you where to look. `Runtime.HandlerNotFound` is configuration.
`Sandbox.Timedout` is a timeout that is too short, or work that is too long. A Python error is your code.

**On AWS** the same three stand in CloudWatch Logs: there you also find them for calls that somebody else made.""",
    "url": """\
**Why it works.** The URL turned an HTTP request into an event, and your dictionary into a JSON response with status
200. The function's resource policy let everybody in. The execution role still decides what the function may do.

**On AWS** the address is `https://<id>.lambda-url.<region>.on.aws/`. Whoever has it can call it, and you pay.""",
}
