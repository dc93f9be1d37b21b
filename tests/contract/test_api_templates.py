"""What API Gateway promises about mapping templates."""

from __future__ import annotations

import json

import pytest

from tests.contract.imported import INTEGRATION, JSON, Imported, mock
from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise

VARIABLES = "API Gateway Developer Guide, Variables for data transformations for API Gateway"
EXAMPLES = "API Gateway Developer Guide, Examples using variables for mapping template transformations for API Gateway"
OVERRIDE = "API Gateway Developer Guide, Override your API's request and response parameters and status codes"
QUOTAS = "API Gateway Developer Guide, Quotas for configuring and running a REST API in API Gateway"


def through(aws: Subject, template: str, body: str, status: int = 200) -> str:
    """Return what a function gets when a POST with ``body`` passes a request template."""
    client = aws.function(RETURN_THE_EVENT)
    principal = "apigateway.amazonaws.com"
    client.add_permission(FunctionName="f", StatementId="api", Action="lambda:InvokeFunction", Principal=principal)
    arn = client.get_function_configuration(FunctionName="f")["FunctionArn"]
    integration = {
        "type": "aws",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
        "requestTemplates": {"application/json": template},
        "responses": {"default": {"statusCode": "200"}},
    }
    post = {"responses": {"200": {"description": ""}}, INTEGRATION: integration}
    page = Imported(aws, {"/things/{id}": {"post": post}}).ask("/things/abc", "POST", body, **JSON)
    assert page.status == status, page
    return page.body.decode()


@promise(VARIABLES, "$input.params, $input.path(...).size() and $input.json, as in AWS's example")
def test_input(aws: Subject) -> None:
    template = """{
        "id" : "$input.params('id')",
        "count" : "$input.path('$.things').size()",
        "things" : $input.json('$.things')
    }"""
    body = {"things": {"1": {}, "2": {}, "3": {}}}
    assert json.loads(through(aws, template, json.dumps(body))) == {"id": "abc", "count": "3", **body}


@promise(VARIABLES, "$util.parseJson makes objects of JSON in a string, as in AWS's example")
def test_parse_json(aws: Subject) -> None:
    template = """#set ($errorMessageObj = $util.parseJson($input.path('$.errorMessage')))
{
   "errorMessageObjKey2ArrVal" : $errorMessageObj.key2.arr[0]
}"""
    body = '{"errorMessage":"{\\"key1\\":\\"var1\\",\\"key2\\":{\\"arr\\":[1,2,3]}}"}'
    assert json.loads(through(aws, template, body)) == {"errorMessageObjKey2ArrVal": 1}


@promise(VARIABLES, "$util.escapeJavaScript escapes apostrophes too, which replaceAll has to take back for JSON")
def test_escape(aws: Subject) -> None:
    template = """{"text": "$util.escapeJavaScript($input.path('$.text')).replaceAll("\\\\'","'")"}"""
    text = 'it\'s a "quote", a / and a \\ on\ntwo lines'
    assert json.loads(through(aws, template, json.dumps({"text": text}))) == {"text": text}


@promise(VARIABLES, "without escaping, a template may write what is no JSON: 400")
def test_broken_json(aws: Subject) -> None:
    said = through(aws, """{"name": "$input.path('$.name')"}""", '{"name": "the \\"Duke\\""}', 400)
    assert json.loads(said)["message"].startswith("Could not parse request body into json: ")


@promise(VARIABLES, "$input.body is the body as text")
def test_body(aws: Subject) -> None:
    template = """{"raw": "$util.base64Encode($input.body)"}"""
    assert json.loads(through(aws, template, '{"a":  1}')) == {"raw": "eyJhIjogIDF9"}


@promise(VARIABLES, "$input.params(x) searches the path, then the query string, then the headers")
def test_params(aws: Subject) -> None:
    api = Imported(
        aws, {"/{name}": {"get": mock("$input.params('name')")}, "/": {"get": mock("$input.params('name')")}}
    )
    assert api.rendered("/path?name=query", name="header") == "path"
    assert api.rendered("/?name=query", name="header") == "query"
    assert api.rendered("/", name="header") == "header"


@promise(EXAMPLES, "all request parameters, as in AWS's example")
def test_all_params(aws: Subject) -> None:
    template = """#set($allParams = $input.params())
{
  "params" : {
    #foreach($type in $allParams.keySet())
    #set($params = $allParams.get($type))
    "$type" : {
      #foreach($paramName in $params.keySet())
      "$paramName" : "$util.escapeJavaScript($params.get($paramName))"
      #if($foreach.hasNext),#end
      #end
    }
    #if($foreach.hasNext),#end
    #end
  }
}"""
    found = json.loads(Imported(aws, {"/{name}": {"get": mock(template)}}).rendered("/tea?size=2&hot=yes", Till="4"))
    assert list(found["params"]) == ["path", "querystring", "header"]
    assert found["params"]["path"] == {"name": "tea"}
    assert found["params"]["querystring"] == {"size": "2", "hot": "yes"}
    assert found["params"]["header"]["Till"] == "4"


@promise(EXAMPLES, "$context tells about the request")
def test_context(aws: Subject) -> None:
    names = ("stage", "apiId", "resourcePath", "httpMethod", "path", "identity.sourceIp", "identity.userAgent")
    template = json.dumps({name: f"$context.{name}" for name in names})
    api = Imported(aws, {"/books/{id}": {"get": mock(template)}})
    assert json.loads(api.rendered("/books/7", User_Agent="test")) == {
        "stage": "prod", "apiId": api.id, "resourcePath": "/books/{id}", "httpMethod": "GET", "path": "/prod/books/7",
        "identity.sourceIp": "127.0.0.1", "identity.userAgent": "test",
    }  # fmt: skip


@promise(VARIABLES, "three ways to write a stage variable")
def test_stage_variables(aws: Subject) -> None:
    template = "$stageVariables.shelf $stageVariables['shelf'] ${stageVariables['shelf']}"
    assert Imported(aws, {"/": {"get": mock(template)}}).rendered("/") == "B7 B7 B7"


@promise(VARIABLES, "$util.urlEncode, urlDecode, base64Encode and base64Decode")
def test_encodings(aws: Subject) -> None:
    template = (
        '$util.urlEncode("a b&ü")|$util.urlDecode("a+b%26%C3%BC")|$util.base64Encode("ü")|$util.base64Decode("w7w=")'
    )
    assert Imported(aws, {"/": {"get": mock(template)}}).rendered("/") == "a+b%26%C3%BC|a b&ü|w7w=|ü"


@promise(OVERRIDE, "$context.responseOverride changes the response's status and headers")
def test_response_override(aws: Subject) -> None:
    template = (
        "#set($context.responseOverride.status = 418)\n"
        "#set($context.responseOverride.header.X-Tea = \"$input.params('tea')\")\n{}"
    )
    page = Imported(aws, {"/": {"get": mock(template)}}).ask("/?tea=green")
    assert (page.status, page.headers["X-Tea"], page.body) == (418, "green", b"{}")


@promise(QUOTAS, "a #foreach may turn 1,000 times, not more")
@pytest.mark.parametrize(("turns", "fine"), [(1000, True), (1001, False)])
def test_iterations(aws: Subject, turns: int, fine: bool) -> None:
    page = Imported(aws, {"/": {"get": mock(f"#foreach($i in [1..{turns}])x#end")}}).ask("/")
    assert (page.body == b"x" * turns) is fine
