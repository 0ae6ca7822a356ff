"""The repository as the architecture tests see it: its files, its modules, its syntax trees.

Owns what counts as a file of the project (tracked, or new and not ignored) and as hand-written.
Nothing here judges; the tests do.
"""

from __future__ import annotations

import ast
import functools
import gc
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED_ENDINGS = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One hand-written Python file."""

    path: str
    tree: ast.Module
    lines: int

    @property
    def is_test(self) -> bool:
        """Whether it lives under tests/."""
        return self.path.startswith("tests/")

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


@functools.cache
def files() -> tuple[str, ...]:
    """Paths of all files of the project, relative to its root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    names = sorted({name for name in listed.decode("utf-8").split("\0") if name})
    return tuple(name for name in names if (ROOT / name).is_file())


@functools.cache
def modules() -> tuple[Module, ...]:
    """All hand-written Python files."""
    paths = [p for p in files() if p.endswith(".py") and not p.endswith(GENERATED_ENDINGS)]
    gc.disable()  # millions of new objects and no garbage: looking for some takes most of the time
    try:
        return tuple(parse(path, (ROOT / path).read_text("utf-8")) for path in paths)
    finally:
        gc.freeze()
        gc.enable()


def parse(path: str, text: str) -> Module:
    """A module from its text; planted violations come in this way."""
    return Module(path, ast.parse(text, path), len(text.splitlines()))


def texts(*endings: str) -> Iterator[tuple[str, str]]:
    """Path and content of every file with one of the endings."""
    for path in files():
        if path.endswith(endings):
            yield path, (ROOT / path).read_text("utf-8")
