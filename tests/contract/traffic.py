"""A REST API to send traffic to, for the tests of throttling, usage plans, caching and monitoring."""

from __future__ import annotations

from typing import Any

from tests.contract.subjects import Page, Subject

ANSWER = '{"id": "$context.requestId"}'
"""What the mock integration answers: another text for each request that reaches it."""
STATUS = {"application/json": '{"statusCode": 200}'}


class Shop:
    """An API named shop with ``GET`` and ``POST /tea`` and ``GET /tea/{name}``, deployed to the stage prod."""

    def __init__(
        self, aws: Subject, *, keys: bool = False, chosen: tuple[str, ...] = (), name: str = "shop",
        authorization: str = "NONE",
    ) -> None:  # fmt: skip
        self.aws, self.client, self.name = aws, aws.client("apigateway"), name
        self.id = self.client.create_rest_api(name=name)["id"]
        root = self.client.get_resources(restApiId=self.id)["items"][0]["id"]
        tea = self.client.create_resource(restApiId=self.id, parentId=root, pathPart="tea")["id"]
        one = self.client.create_resource(restApiId=self.id, parentId=tea, pathPart="{name}")["id"]
        self.resource, self.authorization = tea, authorization
        for resource, method in ((tea, "GET"), (tea, "POST"), (one, "GET")):
            self.method(resource, method, keys, chosen)
        self.deploy("prod")

    def method(self, resource: str, method: str, keys: bool, chosen: tuple[str, ...]) -> None:
        """Add a method that answers ``ANSWER``; ``chosen`` are the parameters of its cache key."""
        place: dict[str, Any] = {"restApiId": self.id, "resourceId": resource, "httpMethod": method}
        declared = {"requestParameters": dict.fromkeys(chosen, False)} if chosen else {}
        self.client.put_method(**place, authorizationType=self.authorization, apiKeyRequired=keys, **declared)
        self.client.put_method_response(**place, statusCode="200")
        cached = {"cacheKeyParameters": list(chosen)} if chosen else {}
        self.client.put_integration(**place, type="MOCK", requestTemplates=STATUS, **cached)
        self.client.put_integration_response(**place, statusCode="200", responseTemplates={"application/json": ANSWER})

    def deploy(self, stage: str) -> None:
        """Deploy the API to a stage."""
        self.client.create_deployment(restApiId=self.id, stageName=stage)

    def set(self, stage: str = "prod", /, **settings: Any) -> None:
        """Change settings of a stage, given by paths with ``__`` for a slash; those of one method with ``patch``."""
        self.patch({f"/*/*/{name.replace('__', '/')}": value for name, value in settings.items()}, stage)

    def patch(self, values: dict[str, Any], stage: str = "prod") -> None:
        """Replace values of a stage, by path."""
        operations = [{"op": "replace", "path": path, "value": str(value)} for path, value in values.items()]
        self.client.update_stage(restApiId=self.id, stageName=stage, patchOperations=operations)

    def cache(self, **settings: Any) -> None:
        """Give the stage prod a cache that its GET methods use."""
        self.patch({"/cacheClusterEnabled": "true", "/cacheClusterSize": "0.5"})
        self.set(caching__enabled="true", **settings)

    def ask(self, path: str = "tea", method: str = "GET", stage: str = "prod", **headers: str) -> Page:
        """Send a request; headers are given with ``_`` for a hyphen."""
        url = f"{self.aws.endpoint}/_aws/execute-api/{self.id}/{stage}/{path}"
        return self.aws.http(url, method, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def statuses(self, count: int, path: str = "tea", **options: Any) -> list[int]:
        """Send so many requests, one after the other; return their statuses."""
        return [self.ask(path, **options).status for _ in range(count)]

    def key(self, name: str, plan: str = "", **settings: Any) -> tuple[str, str]:
        """Create an API key, in a usage plan if one is given; return its id and its value."""
        value = f"{name}-0123456789-0123456789"
        key = self.client.create_api_key(name=name, value=value, **{"enabled": True, **settings})["id"]
        if plan:
            self.client.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
        return key, value

    def plan(
        self, *stages: str, name: str = "basic", throttle_method: dict[str, Any] | None = None, **limits: Any
    ) -> str:
        """Create a usage plan for stages of the API; return its id."""
        methods = {"throttle": throttle_method} if throttle_method else {}
        named = [{"apiId": self.id, "stage": stage, **methods} for stage in stages or ("prod",)]
        return str(self.client.create_usage_plan(name="basic", apiStages=named, **limits)["id"])

    def metric(self, metric: str, statistic: str = "Sum", **dimensions: str) -> float | None:
        """Return a metric of the API over the last hour, or None where there is none."""
        points = self.aws.points("AWS/ApiGateway", metric, statistic, ApiName=self.name, **dimensions)
        return points[0] if points else None
