"""Gateway responses: what API Gateway answers itself, when a request does not get through or a backend fails.

AWS: each such refusal has a type with a status and a message of its own, which an API may override with a status,
headers and a template ("Gateway responses in API Gateway" and "Gateway response types", API Gateway Developer Guide).
Here the types that the course meets; the wordings are those of facts recorded on AWS.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A gateway response type: its default status and message, and the name in the ``x-amzn-ErrorType`` header."""

    status: int
    message: str
    error_type: str


KINDS: dict[str, Kind] = {
    "ACCESS_DENIED": Kind(403, "User is not authorized to access this resource", "AccessDeniedException"),
    "API_CONFIGURATION_ERROR": Kind(500, "Internal server error", "InternalServerErrorException"),
    "AUTHORIZER_CONFIGURATION_ERROR": Kind(500, "Internal server error", "AuthorizerConfigurationException"),
    "AUTHORIZER_FAILURE": Kind(500, "Internal server error", "InternalServerErrorException"),
    "BAD_REQUEST_BODY": Kind(400, "Invalid request body", "BadRequestException"),
    "BAD_REQUEST_PARAMETERS": Kind(400, "Missing required request parameters", "BadRequestException"),
    "DEFAULT_4XX": Kind(400, "Bad Request", "BadRequestException"),
    "EXPIRED_TOKEN": Kind(403, "The security token included in the request is expired", "ExpiredTokenException"),
    "INTEGRATION_FAILURE": Kind(504, "Internal server error", "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": Kind(504, "Endpoint request timed out", "InternalServerErrorException"),
    "INVALID_API_KEY": Kind(403, "Forbidden", "ForbiddenException"),
    "INVALID_SIGNATURE": Kind(
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        "InvalidSignatureException",
    ),
    "MISSING_AUTHENTICATION_TOKEN": Kind(403, "Missing Authentication Token", "MissingAuthenticationTokenException"),
    "QUOTA_EXCEEDED": Kind(429, "Limit Exceeded", "LimitExceededException"),
    "REQUEST_TOO_LARGE": Kind(413, "Request Too Long", "RequestTooLargeException"),
    "RESOURCE_NOT_FOUND": Kind(404, "Not Found", "NotFoundException"),
    "THROTTLED": Kind(429, "Too Many Requests", "TooManyRequestsException"),
    "UNAUTHORIZED": Kind(401, "Unauthorized", "UnauthorizedException"),
    "UNSUPPORTED_MEDIA_TYPE": Kind(415, "Unsupported Media Type", "UnsupportedMediaTypeException"),
}


class GatewayError(Exception):
    """A request that API Gateway answers itself.

    Parameters
    ----------
    kind:
        The gateway response type, a key of ``KINDS``.
    message:
        What it says; without one, the type's default.
    status:
        The HTTP status; 0 takes the type's default.
    """

    def __init__(self, kind: str, message: str = "", status: int = 0) -> None:
        self.kind, self.message = kind, message or KINDS[kind].message
        self.status = status or KINDS[kind].status
        super().__init__(f"{kind}: {self.message}")
