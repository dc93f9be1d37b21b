"""How long the answer of a Lambda authorizer is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helpers.dataplane.apigateway import lambda_authorizers
from helpers.dataplane.apigateway.lambda_authorizers import LambdaAuthorizers

ANSWER = {"principalId": "ann", "policyDocument": {"Version": "2012-10-17", "Statement": []}}


class Slow(LambdaAuthorizers):
    """An authorizer whose function takes longer than its answer is kept, as a cold start on a fast clock does."""

    def __init__(self) -> None:
        self.now, self.calls = 0.0, 0
        context: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: self.now))
        super().__init__(context, post=lambda _: None)  # type: ignore[arg-type]

    def _ask(self, *_: object) -> Any:
        self.calls += 1
        self.now += 400
        return ANSWER


def test_an_answer_is_kept_from_when_it_came_not_from_when_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_authorizers, "identity_of", lambda *_: ["badge"])
    monkeypatch.setattr(lambda_authorizers, "decide", lambda *_: None)
    slow, authorizer = Slow(), SimpleNamespace(id="a", authorizer_result_ttl=300)
    exchange = SimpleNamespace(api=SimpleNamespace(id="api"), stage=SimpleNamespace(name="prod"))

    def calls_after(seconds: float) -> int:
        slow.now += seconds
        slow.verdict(exchange, authorizer, None)  # type: ignore[arg-type]
        return slow.calls

    assert [calls_after(0), calls_after(299), calls_after(1)] == [1, 1, 2]
