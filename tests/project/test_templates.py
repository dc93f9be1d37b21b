"""Every template of the course passes cfn-lint: those of the labs' folders, and those that notebooks write down."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).parents[2]
FILES = sorted(PROJECT.glob("labs/*/**/*template*.y*ml"))
NOTEBOOKS = sorted([*PROJECT.glob("notebooks/*.ipynb"), *PROJECT.glob("labs/*/solution.ipynb")])


def written_in(notebook: Path) -> list[str]:
    """Return the templates that stand whole in a text of a code cell."""
    if "Transform: AWS::" not in notebook.read_text(encoding="utf-8"):
        return []
    cells = [cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
    nodes = [node for source in cells for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    texts = [f"\n{node.value}" for node in nodes if isinstance(node.value, str)]
    return [text for text in texts if "\nTransform: AWS::" in text and "\nResources:" in text]


def findings(template: str) -> list[str]:
    """Return what cfn-lint finds in a template."""
    from cfnlint.api import lint  # two seconds, which only these tests need

    return [str(one) for one in lint(template, regions=["us-east-1"])]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_templates_of_labs(path: Path) -> None:
    assert findings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", [one for one in NOTEBOOKS if written_in(one)], ids=lambda path: path.stem)
def test_templates_of_notebooks(path: Path) -> None:
    assert [found for text in written_in(path) for found in findings(text)] == []


def test_a_wrong_template_is_found() -> None:
    assert findings("Transform: AWS::Serverless-2016-10-31\nResources: {Q: {Type: AWS::SQS::Queues}}") != []
