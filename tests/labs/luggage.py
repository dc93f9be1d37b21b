"""Somebody who gives the airport's old luggage service a JSON face: what the cells of a learner would do."""

from __future__ import annotations

import copy
import json
from typing import Any

import boto3
import yaml

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "10_legacy_soap"
INTEGRATION, VALIDATOR = "x-amazon-apigateway-integration", "x-amazon-apigateway-request-validator"
REPORT = {
    "type": "object",
    "required": ["tag", "owner", "colour"],
    "properties": {
        "tag": {"type": "integer", "minimum": 1000000000, "maximum": 9999999999},
        "owner": {"type": "string", "minLength": 1},
        "colour": {"type": "string", "enum": ["black", "blue", "red", "other"]},
    },
}
FACE = """
from xml.etree import ElementTree
import soap

def handler(event, context):
    status, answer = soap.send(event["envelope"])
    root = ElementTree.fromstring(answer)
    fault = root.findtext(".//faultstring")
    if fault:
        raise Exception(fault)
    return {child.tag.partition("}")[2]: child.text for child in root[0][0]}
"""
XML_SAFE = '{}.replaceAll("&", "&amp;").replaceAll("<", "&lt;")'
SAFE = f"""$util.escapeJavaScript({XML_SAFE}).replaceAll("\\\\'", "'")"""
OWNER = "$input.path('$.owner')"
MESSAGE = """{"message": $input.json('$.errorMessage')}"""
ARN = "arn:aws:lambda:us-east-1:123456789012:function:luggage-face"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}/invocations"


class Learner:
    """Somebody who gives the old service a face: what a learner's cells would do, and the checks."""

    def __init__(self, airport: Any, lab: Lab) -> None:
        self.airport, self.lab = airport, lab
        self.gateway, self.aws = boto3.client("apigateway"), boto3.client("lambda")
        self.document = yaml.safe_load((FOLDER / "contract.yaml").read_text(encoding="utf-8"))
        self.report = self.document["paths"]["/reports"]["post"]
        self.find = self.document["paths"]["/reports/{reference}"]["get"]
        self.api = ""

    def imports(self, stage: str = "desk", endpoint: str = "REGIONAL") -> None:
        parameters = {"endpointConfigurationTypes": endpoint}
        self.api = self.gateway.import_rest_api(body=json.dumps(self.document), parameters=parameters)["id"]
        if stage:
            self.gateway.create_deployment(restApiId=self.api, stageName=stage)

    def publish(self, document: dict[str, Any] | None = None) -> None:
        body = json.dumps(document or self.document)
        self.gateway.put_rest_api(restApiId=self.api, mode="overwrite", body=body)
        self.gateway.create_deployment(restApiId=self.api, stageName="desk")

    def models(self, validator: str = "bodies", **changes: Any) -> None:
        schema = copy.deepcopy(REPORT)
        schema["properties"].update(changes)  # type: ignore[attr-defined]
        self.document["components"] = {"schemas": {"Report": schema}}
        checks = {"validateRequestBody": True, "validateRequestParameters": False}
        self.document["x-amazon-apigateway-request-validators"] = {"bodies": checks}
        reference = {"$ref": "#/components/schemas/Report"}
        self.report["requestBody"] = {"content": {"application/json": {"schema": reference}}}
        if validator:
            self.report[VALIDATOR] = validator

    def validated(self) -> None:
        """Do the first two tasks."""
        self.imports()
        self.models()
        self.publish()

    def soap(self, **changes: Any) -> None:
        integration = {"type": "http_proxy", "httpMethod": "POST", "uri": self.airport.service().url} | changes
        self.document["paths"]["/soap"] = {"post": {"responses": {}, INTEGRATION: integration}}
        self.publish()

    def passed(self) -> None:
        """Do the first three tasks."""
        self.validated()
        self.soap()

    def function(self, source: str = FACE) -> None:
        self.aws.create_function(
            FunctionName="luggage-face", Runtime="python3.13", Handler="app.handler",
            Role="arn:aws:iam::123456789012:role/luggage-functions",
            Code={"ZipFile": package({"app.py": source, "soap.py": self.airport.SOAP_MODULE})},
            Environment={"Variables": {"SERVICE": self.airport.service().url}},
        )  # fmt: skip

    def read(self) -> None:
        """Do the first four tasks."""
        self.passed()
        self.function()

    def calls(self, owner: str = SAFE.format(OWNER), status: str = "201", allow: bool = True) -> None:
        tag, colour = "$input.path('$.tag')", "$input.path('$.colour')"
        new = f"<Report xmlns='urn:luggage'><tag>{tag}</tag><owner>{owner}</owner><colour>{colour}</colour></Report>"
        reference = SAFE.format("$input.params('reference')")
        known = f"<Find xmlns='urn:luggage'><reference>{reference}</reference></Find>"
        for method, message, code in ((self.report, new, status), (self.find, known, "200")):
            template = '{"envelope": "' + self.airport.ENVELOPE % message + '"}'
            method[INTEGRATION] = {
                "type": "aws", "httpMethod": "POST", "uri": URI, "requestTemplates": {"application/json": template},
                "responses": {"default": {"statusCode": code}},
            }  # fmt: skip
        if allow:
            allowed = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
            self.aws.add_permission(FunctionName="luggage-face", StatementId="api", **allowed)

    def faced(self) -> None:
        """Do the first five tasks."""
        self.read()
        self.calls()
        self.publish()

    def fault(self, method: dict[str, Any], pattern: str, status: str, template: str = MESSAGE) -> None:
        chosen = {"statusCode": status, "responseTemplates": {"application/json": template}}
        method["responses"][status] = {"description": "a Fault"}
        method[INTEGRATION]["responses"][pattern] = chosen

    def faults(self, template: str = MESSAGE, **changes: str) -> None:
        patterns = {"unknown": "unknown reference: .*", "already": "already reported: .*", "down": "out of order: .*"}
        patterns |= changes
        self.fault(self.find, patterns["unknown"], "404", template)
        self.fault(self.report, patterns["already"], "409", template)
        for method in (self.report, self.find):
            self.fault(method, patterns["down"], "503", template)

    def answered(self) -> None:
        """Do the first six tasks."""
        self.faced()
        self.faults()
        self.publish()

    def hand_out(self, kind: str = "oas30", **parameters: str) -> None:
        given = {"restApiId": self.api, "stageName": "desk", "exportType": kind, "parameters": parameters}
        self.put(self.gateway.get_export(**given)["body"].read())

    def put(self, body: bytes) -> None:
        boto3.client("s3").put_object(Bucket="airport-partners", Key="lost-luggage.json", Body=body)

    def result(self, task: str) -> Result:
        return self.lab.run(task)
