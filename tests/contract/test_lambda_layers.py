"""What Lambda promises about layers."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.teaching import package
from tests.contract.subjects import Subject, promise, refused

LAYERS = "Lambda Developer Guide, Managing Lambda dependencies with layers"
PYTHON = "Lambda Developer Guide, Working with layers for Python Lambda functions"
READ = "def handler(event, context): return open(event).read()"
RECIPE = "import recipe\ndef handler(event, context): return recipe.NAME"


def layer(aws: Subject, files: Mapping[str, str], name: str = "flour") -> str:
    """Publish a layer's version; return its ARN."""
    content = {"ZipFile": package(files)}
    return str(aws.client("lambda").publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"])


@promise(LAYERS, "a layer's files are in /opt")
def test_opt(aws: Subject) -> None:
    aws.function(READ, Layers=[layer(aws, {"data/prices.txt": "bread 3"})])
    assert aws.call("/opt/data/prices.txt").payload == "bread 3"


@promise(PYTHON, "python/ and python/lib/python3.13/site-packages/ of a layer can be imported from")
def test_python_folders(aws: Subject) -> None:
    role = aws.role()
    for number, folder in enumerate(("python", "python/lib/python3.13/site-packages")):
        arn = layer(aws, {f"{folder}/recipe.py": f"NAME = {folder!r}"}, f"l{number}")
        aws.function(RECIPE, name=f"f{number}", Layers=[arn], Role=role)
        assert aws.call(name=f"f{number}").payload == folder


@promise(LAYERS, "layers are merged in their order: of two files of one name the later layer's stays")
def test_order(aws: Subject) -> None:
    first = layer(aws, {"who.txt": "first", "only.txt": "first"}, "first")
    second = layer(aws, {"who.txt": "second"}, "second")
    client = aws.function(READ, Layers=[first, second])
    assert [aws.call("/opt/who.txt").payload, aws.call("/opt/only.txt").payload] == ["second", "first"]
    client.update_function_configuration(FunctionName="f", Layers=[second, first])
    assert aws.call("/opt/who.txt").payload == "first"


@promise(PYTHON, "a module of the function's own package wins over a layer's")
def test_own_code_wins(aws: Subject) -> None:
    code = package({"app.py": RECIPE, "recipe.py": "NAME = 'mine'"})
    aws.function("", Code={"ZipFile": code}, Layers=[layer(aws, {"python/recipe.py": "NAME = 'the layer'"})])
    assert aws.call().payload == "mine"


@promise(LAYERS, "a function keeps the version of a layer that it names")
def test_versions(aws: Subject) -> None:
    old = layer(aws, {"python/recipe.py": "NAME = 'old'"})
    client = aws.function(RECIPE, Layers=[old])
    new = layer(aws, {"python/recipe.py": "NAME = 'new'"})
    assert (old[-2:], new[-2:]) == (":1", ":2")
    assert aws.call().payload == "old"
    client.update_function_configuration(FunctionName="f", Layers=[new])
    assert aws.call().payload == "new"


@promise(LAYERS, "a function that has a layer keeps it when the layer's version is deleted")
def test_deleted_layer(aws: Subject) -> None:
    aws.function(RECIPE, Layers=[layer(aws, {"python/recipe.py": "NAME = 'kept'"})])
    aws.client("lambda").delete_layer_version(LayerName="flour", VersionNumber=1)
    assert aws.call().payload == "kept"


@promise("Lambda API Reference, CreateFunction", "a layer that does not exist is refused")
def test_no_such_layer(aws: Subject) -> None:
    arn = layer(aws, {"x": "x"}).removesuffix(":1") + ":7"
    with refused("InvalidParameterValueException", f"Layer version {arn} does not exist.", 400):
        aws.function(READ, Layers=[arn])
