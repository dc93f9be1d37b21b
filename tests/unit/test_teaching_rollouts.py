"""The drawing of a CodeDeploy deployment."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from helpers import cloud
from helpers.teaching import plots, rollouts, show
from tests.contract.deployments import Shop
from tests.contract.subjects import Course

EVENTS = "BeforeAllowTraffic {}, AllowTraffic {}, AfterAllowTraffic {}."


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Return a shop in a cloud with a fast clock; half an hour, after which a deployment is over, is half a minute."""
    yield Shop(Course().empty(speed=getattr(request, "param", 60)))
    cloud.stop()


def told(shop: Shop, deployment: str) -> rollouts.Rollout:
    """Return a deployment as it is drawn."""
    return rollouts.read(shop.client, deployment)


@pytest.mark.parametrize("shop", [600], indirect=True)
def test_a_canary(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy()
    shop.ended(deployment, "Succeeded")
    found = told(shop, deployment)
    assert rollouts.sentence(found) == (
        "Traffic of f:live to version 2: 10 percent at once, 100 percent after 5 min. "
        + EVENTS.format(*["Succeeded"] * 3)
        + " The deployment is Succeeded."
    )
    assert [event.name for event in found.events] == ["BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"]
    assert 5 <= (found.events[1].end or 0) - (found.events[1].start or 0) < 300


def test_a_canary_that_an_alarm_stops(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.watch(configuration="LambdaCanary10Percent30Minutes")
    deployment = shop.deploy()
    shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.1}))
    shop.alarm()
    shop.ended(deployment, "Stopped")
    found = told(shop, deployment)
    assert found.back is not None and found.back >= (found.events[1].end or 0)
    show.rollout(deployment)
    said = " ".join(capsys.readouterr().out.split())
    assert said.endswith(
        "Traffic of f:live to version 2: 10 percent at once. "
        + EVENTS.format("Succeeded", "Failed", "Skipped")
        + " The deployment is Stopped (ALARM_ACTIVE), and a rollback took the traffic back to version 1."
    )


def test_a_deployment_on_its_way(shop: Shop) -> None:
    shop.group("LambdaCanary10Percent30Minutes")
    deployment = shop.deploy()
    shop.aws.wait(lambda: shop.alias() == ("1", {"2": 0.1}))
    assert "10 percent at once. BeforeAllowTraffic Succeeded, AllowTraffic InProgress" in rollouts.sentence(
        told(shop, deployment)
    )


def test_no_target(shop: Shop) -> None:
    shop.group()
    deployment = shop.deploy(TargetVersion="1")
    shop.ended(deployment, "Failed")
    with pytest.raises(LookupError, match="errorInformation"):
        told(shop, deployment)


def test_the_figure_has_its_lines_and_units() -> None:
    events = [
        rollouts.Event("BeforeAllowTraffic", "Succeeded", 0.0, 1.0),
        rollouts.Event("AllowTraffic", "Failed", 1.0, 4.0),
        rollouts.Event("AfterAllowTraffic", "Skipped", None, None),
    ]
    figure = rollouts.draw(rollouts.Rollout("f:live", "1", "2", "Stopped", "ALARM_ACTIVE", events, [(0, 10)], 4.5))
    (axes,) = figure.axes
    (line,) = axes.get_lines()
    assert list(line.get_xydata()[:3].tolist()) == [[0.0, 0.0], [1.0, 10.0], [4.5, 0.0]]
    assert {text.get_text() for text in axes.texts} == {
        "BeforeAllowTraffic: Succeeded", "AllowTraffic: Failed", "AfterAllowTraffic: Skipped",
    }  # fmt: skip
    assert "(min" in axes.get_xlabel() and "(%)" in axes.get_ylabel()
    assert Image.open(io.BytesIO(plots.png(figure))).width == 800
