"""The function in an integration's address."""

from __future__ import annotations

from helpers.dataplane.apigateway.integrations import lambda_proxy
from helpers.dataplane.apigateway.integrations.mapping import filled


def function_arn(uri: str, variables: dict[str, str]) -> str:
    """Return the function's ARN: HTTP APIs take it as it is, or, as the other kinds, in API Gateway's long form."""
    return lambda_proxy.function_arn(uri, variables) if "/functions/" in uri else filled(uri, variables)
