"""The page of MyTodoList, as people use it: sign in, add, tick off, and what it says when the system fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from helpers import cloud
from helpers.teaching import api_address, deployments
from tools.lab_browser import PROJECT, browser_page, find_browser

BROWSER = find_browser()
TEMPLATE = PROJECT / "labs" / "19_architecture_crud" / "template.yaml"
PICTURES = PROJECT / "build" / "screenshots"
PASSWORD = "Bread-and-2-salts"
_WAIT = 60_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine"),
]


@dataclass(frozen=True)
class Todos:
    """The system, deployed, and a page of the browser."""

    page: Any
    address: str
    outputs: dict[str, str]

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Open the page, and sign in."""
        self.page.goto(self.address)
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.click("#door button")

    def add(self, text: str) -> None:
        """Add a todo."""
        self.page.fill("#text", text)
        self.page.click("#add button")

    def listed(self, *texts: str) -> bool:
        """Wait until the page lists exactly these todos."""
        self.page.wait_for_function(
            "wanted => JSON.stringify([...document.querySelectorAll('#todos li')].map(one => one.innerText.trim()))"
            " === JSON.stringify(wanted)",
            arg=list(texts), timeout=_WAIT,
        )  # fmt: skip
        return True


@pytest.fixture(scope="module")
def todos() -> Iterator[Todos]:
    """MyTodoList with two users."""
    assert BROWSER is not None
    cloud.start(enforce_iam=True)
    try:
        outputs = deployments.deploy(TEMPLATE, "todo")
        users, pool = boto3.client("cognito-idp"), outputs["UserPoolId"]
        for name in ("ada", "ben"):
            users.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
            users.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
        address = api_address(outputs["Url"].split("//")[1].split(".")[0], "prod", "/")
        with browser_page(BROWSER) as page:
            yield Todos(page, address, outputs)
        deployments.remove("todo")
        assert deployments.left() == []
    finally:
        cloud.stop()


def test_add_and_tick_off(todos: Todos) -> None:
    todos.sign_in("ada")
    for text in ("bread", "<b>salt</b>"):
        todos.add(text)
    assert todos.listed("<b>salt</b>", "bread")
    todos.page.get_by_label("bread").check()
    todos.page.locator("span.done", has_text="bread").wait_for(timeout=_WAIT)
    picture = PICTURES / "todo_page.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    todos.page.screenshot(path=str(picture))
    todos.sign_in("ben")
    todos.page.locator("#add").wait_for(timeout=_WAIT)
    assert todos.listed()
    todos.sign_in("ada")
    assert todos.listed("<b>salt</b>", "bread")
    assert todos.page.get_by_label("bread").is_checked()


def test_a_wrong_password(todos: Todos) -> None:
    todos.sign_in("ada", "Salt-and-2-breads")
    todos.page.get_by_text("That did not work: Incorrect username or password.").wait_for(timeout=_WAIT)
    assert todos.page.locator("#add").is_hidden()


def test_a_busy_table(todos: Todos) -> None:
    todos.sign_in("ben")
    todos.page.locator("#add").wait_for(timeout=_WAIT)
    deployments.deploy(TEMPLATE, "todo", parameters={"Billing": "PROVISIONED"})
    big = {"user": "import", "id": "1", "text": "x" * 390_000}
    boto3.resource("dynamodb").Table(todos.outputs["Table"]).put_item(Item=big)
    todos.add("milk")
    todos.page.get_by_text("Busy, trying again").wait_for(timeout=_WAIT)
    todos.page.get_by_text("That did not work: 503: busy, please try again").wait_for(timeout=_WAIT)
    assert todos.page.input_value("#text") == "milk"
    deployments.deploy(TEMPLATE, "todo")
    todos.page.click("#add button")
    assert todos.listed("milk")
