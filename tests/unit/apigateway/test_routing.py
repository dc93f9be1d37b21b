"""Routing: against a model that is slow and plainly right, and the rules one by one."""

from __future__ import annotations

import re
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.apigateway import routing
from helpers.dataplane.apigateway.snapshot import Resource

NAMES = st.sampled_from(["a", "b", "{x}", "{y}"])
PATHS = st.builds(
    lambda parts, rest: "/" + "/".join([*parts, *rest]),
    st.lists(NAMES, max_size=3),
    st.lists(st.just("{z+}"), max_size=1),
)
METHODS = st.sampled_from(["GET", "POST", "ANY"])
APIS = st.dictionaries(PATHS, st.sets(METHODS), max_size=8)
ASKED = st.lists(st.sampled_from(["a", "b", "c", "d e", "ä", "a/b"]), max_size=4)


def resources(paths: dict[str, set[str]]) -> list[Resource]:
    return [Resource(path, path, {method: {} for method in methods}) for path, methods in paths.items()]


def model(paths: dict[str, set[str]], method: str, asked: str) -> set[str]:
    """Return the templates that are best: segment by segment a literal before a parameter before the rest."""
    fitting = []
    for path, methods in paths.items():
        pattern = re.sub(r"\{\w+\\\+\}", "[^/].*", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))
        pattern = re.sub(r"\{\w+\}", "[^/]+", pattern)
        if methods & {method, "ANY"} and re.fullmatch(pattern, asked):
            fitting.append(path)
    kinds = {p: re.sub(r"\{\w+\}", "1", re.sub(r"\{\w+\+\}", "2", re.sub(r"(?<=/)\w+", "0", p))) for p in fitting}
    return {path for path in fitting if kinds[path] == min(kinds.values())}


@given(APIS, METHODS, ASKED)
def test_the_most_particular_resource_answers(paths: dict[str, set[str]], method: str, asked: list[str]) -> None:
    path = "/" + "/".join(quote(one, safe="") for one in asked)
    found, best = routing.find(resources(paths), method, path), model(paths, method, path)
    assert found[0].path in best if found else not best
    if found:
        template, parameters = found
        filled = template.path
        for name, value in parameters.items():
            filled = re.sub(r"\{" + name + r"\+?\}", lambda _, value=value: value, filled, count=1)
        assert len(set(re.findall(r"\{(\w+)", template.path))) < template.path.count("{") or filled == path


def test_a_resource_without_the_method_leaves_the_path_to_the_proxy() -> None:
    paths = resources({"/todos": {"GET"}, "/{proxy+}": {"ANY"}})
    assert [routing.find(paths, method, "/todos")[0].path for method in ("GET", "PUT")] == ["/todos", "/{proxy+}"]  # type: ignore[index]


def test_the_root_is_no_proxy_and_an_empty_segment_is_no_parameter() -> None:
    paths = resources({"/{proxy+}": {"ANY"}, "/todos/{id}": {"GET"}})
    assert routing.find(paths, "GET", "/") is None
    assert routing.find(resources({"/a/{id}/b": {"GET"}}), "GET", "/a//b") is None
