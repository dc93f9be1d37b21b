"""The first call of API Gateway imports what it needs and no more."""

from __future__ import annotations

import subprocess
import sys

FIRST_CALL = """
import sys, boto3
from helpers import cloud
cloud.start()
assert not [name for name in sys.modules if name.startswith("moto.apigateway")], "paid for by all"
boto3.client("apigateway").create_rest_api(name="todos")
assert not {"pydantic", "arrow", "jsonschema"} & set(sys.modules), "paid for by all who make an API"
from openapi_spec_validator import validate
validate({"openapi": "3.0.0", "info": {"title": "todos", "version": "1"}, "paths": {}})
boto3.client("cloudformation").list_stacks()
"""


def test_the_first_call_brings_no_validator_and_leaves_the_real_one_to_others() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_CALL], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
