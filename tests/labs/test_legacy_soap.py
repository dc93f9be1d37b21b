"""The lab legacy_soap: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.labs.lab_under_test import WrongAnswers, open_lab
from tests.labs.luggage import FACE, FOLDER, INTEGRATION, OWNER, SAFE, VALIDATOR, XML_SAFE, Learner

TASKS = ["contract", "validate", "passthrough", "function", "face", "errors", "partners"]


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER) as modules:
        airport = modules["airport"]
        airport.open_desk()
        yield Learner(airport, modules["checks"].lab)
        airport.close_desk()


def by_hand(learner: Learner) -> None:
    learner.gateway.create_rest_api(name="Lost luggage")


def not_deployed(learner: Learner) -> None:
    learner.imports(stage="")


def other_stage(learner: Learner) -> None:
    learner.imports(stage="prod")


def at_the_edge(learner: Learner) -> None:
    learner.imports(endpoint="EDGE")


def no_validator(learner: Learner) -> None:
    learner.imports()
    learner.models(validator="")
    learner.publish()


def any_colour(learner: Learner) -> None:
    learner.imports()
    learner.models(colour={"type": "string"})
    learner.publish()


def tag_as_text(learner: Learner) -> None:
    learner.imports()
    learner.models(tag={"type": "string", "minLength": 10})
    learner.publish()


def short_tag(learner: Learner) -> None:
    learner.imports()
    learner.models(tag={"type": "integer"})
    learner.publish()


def only_a_part(learner: Learner) -> None:
    learner.imports()
    learner.models()
    del learner.document["paths"]["/reports/{reference}"]
    learner.publish()


def not_a_proxy(learner: Learner) -> None:
    learner.validated()
    learner.soap(type="http", responses={"default": {"statusCode": "200"}})


def template_before_it(learner: Learner) -> None:
    learner.validated()
    template = {"text/xml": "$input.json('$')"}
    learner.soap(type="http", requestTemplates=template, responses={"default": {"statusCode": "200"}})


def nowhere(learner: Learner) -> None:
    learner.validated()
    learner.soap(uri="http://127.0.0.1:9/")


def returns_text(learner: Learner) -> None:
    learner.function("import soap\ndef handler(event, context): return soap.send(event['envelope'])[1]")


def with_namespaces(learner: Learner) -> None:
    learner.function(FACE.replace('child.tag.partition("}")[2]', "child.tag"))


def cannot_parse(learner: Learner) -> None:
    learner.function(FACE.replace("fromstring(answer)", "fromstring(status)"))


def swallows_faults(learner: Learner) -> None:
    learner.function(FACE.replace("raise Exception(fault)", "return {'error': fault}"))


def own_words(learner: Learner) -> None:
    learner.function(FACE.replace("Exception(fault)", "Exception('the service failed')"))


def only_the_status(learner: Learner) -> None:
    learner.function(FACE.replace("child.text for child in root[0][0]}", "child.text for child in root[0][0][1:]}"))


def not_allowed(learner: Learner) -> None:
    learner.read()
    learner.calls(allow=False)
    learner.publish()


def status_200(learner: Learner) -> None:
    learner.read()
    learner.calls(status="200")
    learner.publish()


def owner_as_it_is(learner: Learner) -> None:
    learner.read()
    learner.calls(owner=OWNER)
    learner.publish()


def encoded_for_urls(learner: Learner) -> None:
    learner.read()
    learner.calls(owner=f"$util.urlEncode({OWNER})")
    learner.publish()


def escaped_in_the_wrong_order(learner: Learner) -> None:
    turned = OWNER + '.replaceAll("<", "&lt;").replaceAll("&", "&amp;")'
    learner.read()
    learner.calls(owner=SAFE.replace(XML_SAFE, "{}").format(turned))
    learner.publish()


def validator_lost(learner: Learner) -> None:
    learner.read()
    learner.calls()
    del learner.report[VALIDATOR]
    learner.publish()


def all_the_same(learner: Learner) -> None:
    learner.faced()
    for method in (learner.report, learner.find):
        learner.fault(method, ".+", "400")
    learner.publish()


def not_the_whole_message(learner: Learner) -> None:
    learner.faced()
    learner.faults(unknown="unknown reference")
    learner.publish()


def one_forgotten(learner: Learner) -> None:
    learner.faced()
    learner.faults()
    del learner.find[INTEGRATION]["responses"]["out of order: .*"]
    learner.publish()


def whole_error(learner: Learner) -> None:
    learner.faced()
    learner.faults(template="$input.json('$')")
    learner.publish()


def no_default(learner: Learner) -> None:
    learner.faced()
    learner.faults()
    del learner.report[INTEGRATION]["responses"]["default"]
    learner.publish()


def with_extensions(learner: Learner) -> None:
    learner.answered()
    learner.hand_out(extensions="integrations")


def as_swagger(learner: Learner) -> None:
    learner.answered()
    learner.hand_out("swagger")


def of_yesterday(learner: Learner) -> None:
    learner.faced()
    learner.hand_out()
    learner.faults()
    learner.publish()


def as_yaml(learner: Learner) -> None:
    learner.answered()
    learner.put(b"openapi: 3.0.1")


def errors_untold(learner: Learner) -> None:
    learner.answered()
    for method in (learner.report, learner.find):
        for status in ("404", "409", "503"):
            method["responses"].pop(status, None)
    learner.publish()
    learner.hand_out()


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("contract", by_hand, "lacks paths of the contract", "/"),
    ("contract", not_deployed, "but not deployed", ""),
    ("contract", other_stage, "deployed to the stage `prod`", ""),
    ("contract", at_the_edge, "The endpoint is `EDGE`", ""),
    ("validate", no_validator, "nothing is checked by it", ""),
    ("validate", any_colour, "with the colour `invisible` gets through", "201"),
    ("validate", tag_as_text, "A good report is refused, too", "Invalid request body"),
    ("validate", short_tag, "with the tag `123` gets through", "201"),
    ("validate", only_a_part, "no longer answers", ""),
    ("passthrough", not_a_proxy, "The service answered 500, the desk got 200", ""),
    ("passthrough", template_before_it, "reaches the service changed", "soap:Envelope"),
    ("passthrough", nowhere, "does not reach the luggage service", "504"),
    ("function", returns_text, "The function returns text", "Envelope"),
    ("function", with_namespaces, "carry the namespace in braces", "urn:luggage"),
    ("function", cannot_parse, "For a good envelope the function fails", "TypeError"),
    ("function", swallows_faults, "as if all were well", "unknown reference"),
    ("function", own_words, "what the `faultstring` says", "the service failed"),
    ("function", only_the_status, "should be the new `reference` and the `status`", "searching"),
    ("face", not_allowed, "does not come back with the service's `reference`", "500"),
    ("face", status_200, "promises 201 for a new report; the app got 200", ""),
    ("face", owner_as_it_is, "breaks the envelope or the JSON", "400"),
    ("face", encoded_for_urls, "something else than the app reported", "Kim"),
    ("face", escaped_in_the_wrong_order, "` arrives changed", "&lt;Sons>"),
    ("face", validator_lost, "without its model and validator", ""),
    ("errors", all_the_same, "Every Fault is 400 now", ""),
    ("errors", not_the_whole_message, "This Fault should be 404", "unknown reference"),
    ("errors", one_forgotten, "finding does not", "200"),
    ("errors", whole_error, 'The body should be `{"message": ...}`', "stackTrace"),
    ("errors", no_default, "the default response, without a pattern, is missing", ""),
    ("partners", with_extensions, "tells partners what stands behind", ""),
    ("partners", as_swagger, "is Swagger 2.0", ""),
    ("partners", of_yesterday, "Export it again", ""),
    ("partners", as_yaml, "is not JSON", "openapi"),
    ("partners", errors_untold, "does not tell of all the errors", "201"),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


@pytest.mark.parametrize("done", range(8))
def test_after_each_task_the_next_is_not_attempted(learner: Learner, done: int) -> None:
    steps: list[Callable[[], None]] = [lambda: None, learner.imports, learner.validated, learner.passed, learner.read]
    steps += [learner.faced, learner.answered, learner.answered]
    steps[done]()
    if done == 7:
        learner.hand_out()
    for _ in range(2):
        states = [result.state for result in learner.lab.results().values()]
        assert states == ["right"] * done + ["not attempted"] * (7 - done)


def test_the_old_desk_prints_what_it_gets(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.airport.old_desk(learner.airport.service().url, learner.airport.FIND)
    learner.airport.old_desk("http://127.0.0.1:9/", learner.airport.FIND)
    printed = capsys.readouterr().out
    assert "500 <soap:Fault" in printed and "unknown reference: LH000101" in printed and "no answer: " in printed
