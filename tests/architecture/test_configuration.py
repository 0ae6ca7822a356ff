"""Every key of the two configurations is obeyed: some part of the program reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from central.config import CentralSettings
from regional_node.config import NodeSettings

ROOT = Path(__file__).resolve().parents[2]


def keys(model: type[BaseModel], section: str = "settings") -> Iterator[tuple[str, str]]:
    """(section, key) of every leaf."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, name)
        else:
            yield section, name


def read_keys(folder: Path) -> set[tuple[str, str]]:
    """Pairs of names read as `….section.key` or `section.key` outside `config.py`."""
    found: set[tuple[str, str]] = set()
    for path in sorted(folder.rglob("*.py")):
        if path != folder / "config.py":
            found.update(_pairs(ast.parse(path.read_text("utf-8"))))
    return found


def _pairs(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner: Any = node.value
        name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
        if isinstance(owner, ast.Call):  # settings.settings().data
            name = getattr(owner.func, "attr", "")
        yield name, node.attr


@pytest.mark.parametrize(
    ("model", "side"), [(CentralSettings, "central"), (NodeSettings, "regional_node")]
)
def test_every_key_is_read(model: type[BaseModel], side: str) -> None:
    """A key that nobody reads promises an administrator what does not happen."""
    unread = sorted(set(keys(model)) - read_keys(ROOT / side))
    assert not unread


def test_an_unread_key_is_found(tmp_path: Path) -> None:
    """The check sees a key that stands in the configuration alone."""
    (tmp_path / "config.py").write_text("settings.link.forgotten\n", "utf-8")
    (tmp_path / "app.py").write_text("settings.link.endpoint\nsettings().data\n", "utf-8")
    assert read_keys(tmp_path) == {("settings", "link"), ("link", "endpoint"), ("", "data")}
