"""The lab todo_api: each wrong answer gets its own reason, each right one passes, and nothing is left in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import boto3
import pytest

from tests.labs.lab_under_test import assert_own_messages, assert_wrong, open_lab
from tests.labs.todo_api_learner import FOLDER, HANDLER, OWN, TOOLS, Learner

TASKS = ["routes", "open", "bug", "statuses", "stages", "page"]


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER) as modules:
        garden = modules["garden"]
        garden.open_garden()
        yield Learner(garden, modules["checks"].lab)


def no_resources(learner: Learner) -> None:
    learner.create()
    learner.resource("/todo")


def other_name(learner: Learner) -> None:
    learner.create()
    learner.resource("/todos/{todo}")


def four_methods(learner: Learner) -> None:
    learner.routes()
    learner.gateway.delete_method(**learner.place("PUT", "/todos/{id}"))


def no_integration(learner: Learner) -> None:
    learner.routes()
    learner.gateway.delete_integration(**learner.place("DELETE", "/todos/{id}"))


def no_proxy(learner: Learner) -> None:
    learner.routes(type="AWS")


def by_get(learner: Learner) -> None:
    learner.routes(integrationHttpMethod="GET")


def elsewhere(learner: Learner) -> None:
    learner.routes(uri=learner.garden.uri().replace(":todos/", ":tasks/"))


def only_permission(learner: Learner) -> None:
    learner.routes()
    learner.allow()


def to_prod(learner: Learner) -> None:
    only_permission(learner)
    learner.deploy("prod")


def only_deployed(learner: Learner) -> None:
    learner.routes()
    learner.deploy()


def deployed_early(learner: Learner) -> None:
    learner.create()
    learner.gateway.put_method(**learner.place("GET", "/todos"), authorizationType="NONE")
    learner.integrate(("GET", "/todos"))
    learner.deploy()
    for method, path in learner.garden.ROUTES[1:]:
        learner.gateway.put_method(**learner.place(method, path), authorizationType="NONE")
        learner.integrate((method, path))
    learner.allow()


def narrow(learner: Learner) -> None:
    learner.routes()
    learner.allow(end="/*/GET/todos")
    learner.deploy()


def anybody(learner: Learner) -> None:
    learner.routes()
    learner.allow(source=False)
    learner.deploy()


def other_bug(learner: Learner) -> None:
    learner.mended(TOOLS.replace("default=int", "default=Decimal"))


def fence_deleted(learner: Learner) -> None:
    learner.opened()
    boto3.resource("dynamodb").Table("todos").delete_item(Key={"id": "fence"})


def hours_deleted(learner: Learner) -> None:
    learner.opened()
    boto3.resource("dynamodb").Table("todos").put_item(Item={"id": "fence", "text": "Mend the fence"})


def hours_as_text(learner: Learner) -> None:
    learner.mended(TOOLS.replace("default=int", "default=str"))


def body_is_no_text(learner: Learner) -> None:
    learner.mended(TOOLS.replace("json.dumps(content, default=int)", "content"))


def still_200(learner: Learner) -> None:
    learner.spoken("200 if names else 201", "200")


def unknown_is_empty(learner: Learner) -> None:
    learner.spoken("answer(404", "answer(200")


def nonsense_fails(learner: Learner) -> None:
    learner.spoken("except ValueError", "except KeyError")


def without_text(learner: Learner) -> None:
    learner.spoken('not todo.get("text")', "not given(event['body'])")


def put_creates(learner: Learner) -> None:
    learner.spoken("if names and not known", 'if method != "PUT" and names and not known')


def other_id(learner: Learner) -> None:
    learner.spoken("else 201, todo)", 'else 201, todo | {"id": "new"})')


def put_forgets(learner: Learner) -> None:
    learner.spoken('given(event["body"]) | (names or {})', 'given(event["body"]) | (names or {}) | {"done": False}')


def never_deletes(learner: Learner) -> None:
    learner.spoken("table.delete_item(Key=names)", "pass")


def only_prod(learner: Learner) -> None:
    learner.spoken()
    learner.alias("prod", learner.version())


def prod_is_latest(learner: Learner) -> None:
    learner.staged(version="$LATEST")


def both_are_versions(learner: Learner) -> None:
    learner.spoken()
    learner.alias("prod", learner.version())
    learner.alias("beta", "1")


def no_stage(learner: Learner) -> None:
    only_prod(learner)
    learner.alias("beta")
    learner.integrate(uri=learner.garden.uri(OWN))
    learner.stage("beta")


def no_variable(learner: Learner) -> None:
    no_stage(learner)
    learner.deploy("prod")


def fixed_alias(learner: Learner) -> None:
    no_stage(learner)
    learner.integrate(uri=learner.garden.uri("prod"))
    learner.stage("prod")


def no_permission(learner: Learner) -> None:
    learner.staged(allow=False)


def not_deployed(learner: Learner) -> None:
    only_prod(learner)
    learner.alias("beta")
    learner.stage("prod")
    learner.stage("beta")
    learner.integrate(uri=learner.garden.uri(OWN))


def no_preflight(learner: Learner) -> None:
    learner.staged()
    learner.names_origin()
    learner.live()


def preflight_by_function(learner: Learner) -> None:
    learner.staged()
    learner.gateway.put_method(**learner.place("OPTIONS", "/todos"), authorizationType="NONE")
    learner.integrate(("OPTIONS", "/todos"))


def only_the_list(learner: Learner) -> None:
    learner.let_in("/todos")


def only_preflights(learner: Learner) -> None:
    learner.staged()
    learner.preflight()
    learner.live()


def not_published(learner: Learner) -> None:
    only_preflights(learner)
    learner.names_origin()


def good_news_only(learner: Learner) -> None:
    learner.staged()
    learner.preflight()
    learner.names_origin(" if status < 300 else {}")
    learner.live()


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("routes", no_resources, "no resource `/todos`. It has `/`, `/todo`.", ""),
    ("routes", other_name, "no resource `/todos/{id}`", ""),
    ("routes", four_methods, "`/todos/{id}` has no method `PUT`", ""),
    ("routes", no_integration, "`DELETE /todos/{id}` has no integration", ""),
    ("routes", no_proxy, "an integration of the type AWS.", ""),
    ("routes", by_get, "calls the function by GET", ""),
    ("routes", elsewhere, "leads to another function", "tasks"),
    ("open", only_permission, "no stage `beta`. The permission is there", ""),
    ("open", to_prod, "You deployed to `prod`", ""),
    ("open", only_deployed, "the function lets nobody call it", "Internal server error"),
    ("open", deployed_early, "does not know `POST /todos`", "Missing Authentication Token"),
    ("open", narrow, "`POST /todos` may not call the function", "/GET/todos"),
    ("open", anybody, "does not name your API", ""),
    ("bug", other_bug, "still gets 502", "NameError"),
    ("bug", fence_deleted, "the fence is missing in it", ""),
    ("bug", hours_deleted, "has lost its `hours`", ""),
    ("bug", hours_as_text, 'The list says `"3"`', ""),
    ("statuses", still_200, "A new to-do gets 200", ""),
    ("statuses", unknown_is_empty, "`GET /todos/nobody` gets 200", ""),
    ("statuses", nonsense_fails, "whose body is no JSON gets 502", "JSONDecodeError"),
    ("statuses", without_text, "A to-do without `text` gets 201", ""),
    ("statuses", put_creates, "`PUT /todos/nobody` gets 200", ""),
    ("statuses", other_id, "cannot be read by the `id`", ""),
    ("statuses", put_forgets, "the to-do is not done", ""),
    ("statuses", never_deletes, "`DELETE` got 200, and then `GET` of the same to-do 200", ""),
    ("stages", only_prod, "no alias `beta`", ""),
    ("stages", prod_is_latest, "each upload would be live at once", ""),
    ("stages", both_are_versions, "The alias `beta` points to version 1", ""),
    ("stages", no_stage, "There is no stage `prod` yet", ""),
    ("stages", no_variable, "Stage `prod` needs the stage variable", ""),
    ("stages", fixed_alias, "does not ask the stage for the alias", ""),
    ("stages", no_permission, "The alias `prod` lets nobody call it", "Internal server error"),
    ("stages", not_deployed, "answers, but not by its alias", ""),
    ("page", no_preflight, "may not send `POST /todos`", "the preflight got 403"),
    ("page", preflight_by_function, "`OPTIONS /todos` runs AWS_PROXY", ""),
    ("page", only_the_list, "may not send `PUT /todos/nobody`", "the preflight got 403"),
    ("page", only_preflights, "the function's own answers lack the header", "200 has no"),
    ("page", not_published, "`prod` runs an older version", ""),
    ("page", good_news_only, "not why a request is refused", "404 has no"),
]


SHARING = ("routes", "statuses")
"""Tasks whose wrong answers replace each other, so that one cloud serves them all."""
ALONE = [each for each in WRONG if each[0] not in SHARING]


@pytest.mark.parametrize(("task", "answer", "message", "said"), ALONE, ids=[f"{w[0]}-{w[1].__name__}" for w in ALONE])
def test_a_wrong_answer_gets_its_reason(
    learner: Learner, task: str, answer: Callable[[Learner], None], message: str, said: str
) -> None:
    answer(learner)
    assert_wrong(learner.result(task), message, said)


@pytest.mark.parametrize("task", SHARING)
def test_wrong_answers_one_after_the_other_get_their_reasons(learner: Learner, task: str) -> None:
    for _, answer, message, said in [each for each in WRONG if each[0] == task]:
        answer(learner)
        assert_wrong(learner.result(task), message, said)


def test_a_preflight_says_what_it_lacks(learner: Learner) -> None:
    learner.let_in()
    for header, value, said in (
        ("Origin", "https://garden.example/", "does not allow the origin"),
        ("Methods", "GET,POST,OPTIONS", "does not allow the method PUT"),
        ("Headers", "authorization", "does not allow the header content-type"),
    ):
        learner.answer_preflights(**{header: value})
        learner.deploy("prod")
        assert_wrong(learner.result("page"), "The page may not send", f"the preflight {said}")


def test_each_task_has_its_own_messages() -> None:
    assert_own_messages(WRONG, TASKS)


def test_an_unmended_answer_without_text_is_wrong_too(learner: Learner) -> None:
    body_is_no_text(learner)
    assert_wrong(learner.result("bug"), "still gets 502", "")


def test_after_each_task_the_next_is_not_attempted(learner: Learner) -> None:
    def open_it() -> None:
        learner.allow()
        learner.deploy()

    steps: list[Callable[[], None]] = [
        lambda: None,
        learner.routes,
        open_it,
        lambda: learner.garden.upload(TOOLS + learner.garden.HANDLER),
        lambda: learner.garden.upload(TOOLS + HANDLER),
    ]
    for done, step in enumerate(steps):
        step()
        assert states(learner) == ["right"] * done + ["not attempted"] * (6 - done)


def states(learner: Learner) -> list[str]:
    return [result.state for result in learner.lab.results().values()]


def test_all_tasks_are_right_in_the_end_and_the_checks_leave_nothing_behind(learner: Learner) -> None:
    learner.staged()
    assert states(learner) == ["right"] * 5 + ["not attempted"]
    learner.preflight()
    learner.names_origin()
    learner.live()
    for _ in range(2):
        assert states(learner) == ["right"] * 6
    items = boto3.resource("dynamodb").Table("todos").scan()["Items"]
    assert sorted(item["id"] for item in items) == ["fence", "seeds"]
