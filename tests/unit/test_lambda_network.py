"""What only the processes of functions may ask the local cloud: whether a connection may pass."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from helpers import cloud


@pytest.mark.parametrize("path", ["guess/tcp/10.0.0.1/80", "guess.hello/aws/s3", "/aws/s3"])
def test_nobody_asks_without_a_token(path: str) -> None:
    running = cloud.start()
    try:
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"{running.endpoint}/_aws/lambda-network/{path}", timeout=5)
        assert refusal.value.code == 403
        assert running.record.mark() == 0
    finally:
        cloud.stop()
