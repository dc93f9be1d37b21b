"""One set of promises, several clouds: each contract test runs against the backend that CONTRACT_BACKEND names.

A test says with ``@promise(document, sentence)`` which AWS document promises the behaviour. ``tools/fidelity.py`` runs
the tests against each backend and writes docs/fidelity.md from the results.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.subjects import BACKEND, BACKENDS, THIS_COURSE, Subject


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The cloud that is asked, running for the whole session."""
    running = BACKENDS[BACKEND]()
    yield running
    running.stop()


@pytest.fixture(params=["awslambdaric", "bootstrap"] if THIS_COURSE else ["its own"])
def each_worker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test once with AWS's own Python client of the Runtime API and once with the course's."""
    if request.param == "awslambdaric" and importlib.util.find_spec("runtime_client") is None:
        pytest.skip("awslambdaric has no wheel for this machine")
    monkeypatch.setenv("COURSE_PYTHON_RUNTIME", request.param)


@pytest.fixture
def aws(backend: Any, request: pytest.FixtureRequest) -> Iterator[Subject]:
    """An empty account of the cloud under test; ``@pytest.mark.cloud(quotas=...)`` changes how it is started."""
    marker = request.node.get_closest_marker("cloud")
    subject = backend.empty(**(marker.kwargs if marker else {}))
    yield subject
    subject.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Append the verdict on a promise to the file that CONTRACT_RESULTS names."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    results, marker = os.environ.get("CONTRACT_RESULTS"), item.get_closest_marker("promise")
    expected = hasattr(report, "wasxfail")
    if results and marker and (expected or not report.skipped) and (report.when == "call" or report.failed):
        service = Path(item.path).stem.removeprefix("test_")
        verdict = {
            "test": item.nodeid,
            "service": service,
            "document": marker.args[0],
            "promise": marker.args[1],
            "kept": report.passed and not expected,
            "built": not expected,
        }
        with Path(results).open("a") as file:
            file.write(json.dumps(verdict) + "\n")
