"""Velocity as Java reads it: references, methods, directives; and what an empty or a wrong template gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.apigateway import velocity
from helpers.dataplane.apigateway.velocity import TemplateError, merge

KNOWN: dict[str, Any] = {
    "map": {"a": 1, "b": [{"c": 5}], "nothing": None, "yes": True, "x-y": 2},
    "list": ["p", "q"],
    "text": "It's",
    "empty": "",
}


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("$map.a ${map.a} $!map.a $map['a'] $map.x-y", "1 1 1 1 2"),
        ("$map.b[0].c $map.b.get(0).c $list[1]", "5 5 q"),
        ("[$nobody][$map.nobody.more][$!nobody][$map.nothing][${nobody}]", "[][][][][]"),
        ("$map", '{a=1, b=[{"c":5}], nothing=, yes=true, x-y=2}'),
        ("$list $map.b", '["p","q"] [{"c":5}]'),
        ("5 $ #1 \\$map.a #${map.a} a#b", "5 $ #1 $map.a #1 a#b"),
        ("$list.size() $map.size() $text.length() $list.isEmpty() $empty.isEmpty()", "2 5 4 false true"),
        ("$map.keySet() $map.get('a') $map.containsKey('z')", '["a","b","nothing","yes","x-y"] 1 false'),
        ("#foreach($e in $map.entrySet())$e.key=$e.value;#end", 'a=1;b=[{"c":5}];nothing=;yes=true;x-y=2;'),
        ("#foreach($v in $list)$v$foreach.count#if($foreach.hasNext), #end#end", "p1, q2"),
        ("#foreach($v in {'a': 1, 'b': 2})$v#end", "12"),
        ("#foreach($v in $nobody)$v#end#foreach($v in $empty)$v#end", ""),
        ("$text.toUpperCase() $text.replaceAll(\"[A-Z]\", \"<$0>\") $text.split(\"'\")", 'IT\'S <I>t\'s ["It","s"]'),
        ("$text.replaceAll(\"'\", \"\\\\'\") $text.matches('I.*') $text.indexOf('s')", "It\\'s true 3"),
        ("$text.substring(1,2)$text.substring(2)", "t's"),
        ("$text.upper() $text.__class__ $map.__len__() $list.append(1)", "   "),
        ("#set($n = 0)#foreach($v in $list)#set($n = $n + 1)#set($last = $v)#end$n$last", "2q"),
        ("#set($map.b[0]['new-one'] = \"$text\")$map.b", '[{"c":5,"new-one":"It\'s"}]'),
        ("#set($k = 'z')#set($map[$k] = 3)$map.z", "3"),
        ("#set($m = {'k': [1, 2]})#set($old = $m.put('k', 3))$m.k$old", "3[1,2]"),
        ("#if($map.a == 1 && !$empty)y#else n#end#if($map.a > 1)y#elseif($text == \"It's\")m#end", "ym"),
        ("#define($twice)$v$v#end#foreach($v in $list)$twice#end", "ppqq"),
        ("#set($s = 'a\\n$map')$s #set($s = \"say \\\"$map.a\\\"\")$s", 'a\\n$map say "1"'),
        ("a ## a comment\nb #* another *#c", "a b c"),
        ("${nobody|'other'} $map.a.size()x", "other x"),
        ("#set($sum = 'n' + 1 + 2)$sum", "n12"),
    ],
)  # fmt: skip
def test_template(template: str, wanted: str) -> None:
    assert merge(template, {key: _copy(value) for key, value in KNOWN.items()}) == wanted


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "template",
    ["#set($a = )", "#foreach($a in $list)", "#parse('/etc/hosts')", "#include('/etc/hosts')", "$list.get(7)",
     "#set($map.nobody.more = 1)", "#foreach($i in [1..1001])$i#end", "x" * (300 * 1024 + 1)],
)  # fmt: skip
def test_failure(template: str) -> None:
    with pytest.raises(TemplateError):
        merge(template, dict(KNOWN))


@given(st.text(st.characters(exclude_characters="$#\\", exclude_categories=["Cs"])))
def test_text_without_signs_is_its_own_result(text: str) -> None:
    assert merge(text, {}) == text


@given(st.text(), st.text(max_size=3))
def test_any_template_gives_text_or_a_template_error(text: str, more: str) -> None:
    for template in (text, f"#{text}", f"${text}", f"#if({text})#end", f"$map.{more}"):
        try:
            assert isinstance(merge(template, {"map": {}}), str)
        except TemplateError:
            continue


def test_the_shared_library_is_as_it_was() -> None:
    import airspeed

    assert airspeed is not velocity._airspeed
    assert airspeed.Template("$nobody").merge({}) == "$nobody"
