"""What the lab legacy_soap says: three hints for each task, and why its answer works."""

HINTS = {
    "contract": [
        """\
Two calls: one makes an API of a document, the other makes it live at a stage.""",
        """\
`gateway.import_rest_api` takes the document as `body`, text, and `parameters={"endpointConfigurationTypes": ...}`.
It answers with the API's `id`. `gateway.create_deployment` takes `restApiId` and `stageName`.""",
        """\
Write `api = gateway.import_rest_api(body=json.dumps(contract), parameters={"endpointConfigurationTypes":
"REGIONAL"})["id"]`, then `gateway.create_deployment(restApiId=api, stageName="desk")`.""",
    ],
    "validate": [
        """\
Three things belong together: a schema below `components`, a `requestBody` of `POST /reports` that refers to it, and a
request validator that the method names.""",
        """\
Validators stand at the top of the document: `contract["x-amazon-apigateway-request-validators"] = {"bodies":
{"validateRequestBody": True, "validateRequestParameters": False}}`. The method names one with
`x-amazon-apigateway-request-validator`. A colour is one of an `enum`.""",
        """\
The schema: `{"type": "object", "required": ["tag", "owner", "colour"], "properties": {"tag": {"type": "integer",
"minimum": 1000000000, "maximum": 9999999999}, "owner": {"type": "string", "minLength": 1}, "colour": {"type":
"string", "enum": ["black", "blue", "red", "other"]}}}`. In the method: `report["requestBody"] = {"content":
{"application/json": {"schema": {"$ref": "#/components/schemas/Report"}}}}` and
`report["x-amazon-apigateway-request-validator"] = "bodies"`. Then `publish()`.""",
    ],
    "passthrough": [
        """\
A new path with one method. Which integration type passes body and status on, both ways, without templates?""",
        """\
The type is `http_proxy`, its `uri` is `airport.service().url`, its `httpMethod` is `POST`.""",
        """\
`contract["paths"]["/soap"] = {"post": {"responses": {"200": {"description": "An envelope"}},
"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "POST", "uri": airport.service().url}}}`, then
`publish()`.""",
    ],
    "function": [
        """\
`soap.send(envelope)` gives a status and XML. Read the XML with `ElementTree.fromstring`, look for a `faultstring`
first, then go through the children of the message in the body.""",
        """\
`root.findtext(".//faultstring")` is None without a Fault. `root.find(".//{urn:luggage}...")` needs the namespace; the
message is also `root[0][0]`: the first child of the body. A child's `tag` is `{urn:luggage}status`: take
`tag.partition("}")[2]`.""",
        """\
`status, answer = soap.send(event["envelope"])`, `root = ElementTree.fromstring(answer)`, `fault =
root.findtext(".//faultstring")`, `if fault: raise Exception(fault)`, `return {child.tag.partition("}")[2]: child.text
for child in root[0][0]}`. Create it with the environment variable `SERVICE`, both files in the package.""",
    ],
    "face": [
        """\
The integration type `aws` runs a template before the function. The template writes the event: `{"envelope": "..."}`.
API Gateway must also be allowed to invoke the function.""",
        """\
`lambda_.add_permission(FunctionName="luggage-face", StatementId="api", Action="lambda:InvokeFunction",
Principal="apigateway.amazonaws.com")`. In the template: `$input.path('$.tag')`, `$input.params('reference')`. What the
app wrote freely has to be escaped twice: for XML (`&` and `<`), then for JSON. `safe` does both.""",
        """\
The template for reports is `'{"envelope": "' + airport.ENVELOPE % ("<Report xmlns='urn:luggage'>"
"<tag>$input.path('$.tag')</tag><owner>" + safe("$input.path('$.owner')") + "</owner>"
"<colour>$input.path('$.colour')</colour></Report>") + '"}'`. Set `report["x-amazon-apigateway-integration"] =
calling(TEMPLATE, "201")` where `calling` gives `{"type": "aws", "httpMethod": "POST", "uri": URI, "requestTemplates":
{"application/json": template}, "responses": {"default": {"statusCode": status}}}`. The same for `find` with 200.""",
    ],
    "errors": [
        """\
The integration's `responses` are chosen by a pattern: their keys are regular expressions for the function's error
message. `default` is for no error.""",
        """\
A pattern must match the whole message: `unknown reference: .*`. The response template gets the function's error:
`$input.path('$.errorMessage')`, or with quotation marks `$input.json('$.errorMessage')`.""",
        """\
For the integration of `find`: `integration["responses"]["unknown reference: .*"] = {"statusCode": "404",
"responseTemplates": {"application/json": '{"message": $input.json("$.errorMessage")}'}}`; the same with `already
reported: .*` and 409 for `report`, and `out of order: .*` with 503 for both. Add each status to the method's
`responses`, too.""",
    ],
    "partners": [
        """\
`gateway.get_export` gives the contract of a stage; an object in S3 is written with `put_object`.""",
        """\
`exportType` is `oas30`; without `parameters` there are no extensions. The answer's `body` is a stream: `.read()`.""",
        """\
`document = gateway.get_export(restApiId=api, stageName="desk", exportType="oas30")["body"].read()`, then
`boto3.client("s3").put_object(Bucket="airport-partners", Key="lost-luggage.json", Body=document)`.""",
    ],
}

WHY = {
    "contract": """\
A document became an API in two calls, and the apps' teams can begin while the backend is a mock. On AWS the same
document deploys through CloudFormation or SAM.""",
    "validate": """\
The validator stands before the integration: a wrong report costs no call of the old service. The model is part of the
contract, so partners see the rules. On AWS each refusal counts for the API's metric 4XXError.""",
    "passthrough": """\
`http_proxy` passes body, headers and status on, both ways. The desks change an address and nothing else. On AWS the
service needs an address that API Gateway can reach, or a VPC link.""",
    "function": """\
Templates cannot read XML, so a function does. It turns a Fault into an error of its own: only then can API Gateway tell
success from failure, by the error's message. On AWS a function that must reach a private service is connected
to its VPC.""",
    "face": """\
The template writes XML, which is text like any other. That is why it must escape: `&` and `<` for XML, quotation marks
for JSON. A tag that is a number and a colour from a list need none; the model guarantees it. On AWS try templates with
TestInvokeMethod, which shows the body before and after.""",
    "errors": """\
For an integration of type `aws` a failing function is not yet an error of the method: the selection patterns decide.
Now an app can tell what it did wrong (404, 409) from what you must repair (503). On AWS only the 503
counts for the metric 5XXError: an alarm on it wakes nobody for a passenger's typing error.""",
    "partners": """\
The export is made from what is deployed, so contract and API cannot drift apart, and without extensions it says nothing
about what stands behind. On AWS a pipeline would do this after each deployment.""",
}
