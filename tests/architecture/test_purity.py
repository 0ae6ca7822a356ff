"""Time, identifiers and randomness are arguments: only one file may ask the machine for them.

Invariant 11 has two halves: the import arrows are kept by test_checks, the calls by this file.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.repository import (
    GENERATED_ENDINGS,
    ROOT,
    Module,
    files,
    modules,
    parse,
    texts,
)

CLOCK = "proto/lpse/runtime/clock.py"
REAL_TIME = ("tests/", "deploy/")  # they drive and measure real processes
BANNED = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "uuid.uuid1",
    "uuid.uuid4",
    "os.urandom",
    "os.getrandom",
}
BANNED_MODULES = ("random", "secrets")
ENVIRONMENT = ("os.environ", "os.getenv", "os.environb")
READS_ENVIRONMENT = (
    *REAL_TIME,
    "central/cli",
    "central/ctl",
    "regional_node/cli",
    "proto/lpse/terminal/",
    "regional_node/upgrades/hooks.py",  # hands PATH, and nothing else, to the hooks of a release
)
SQL_ASKS = re.compile(
    r"\bCURRENT_(TIME|DATE|TIMESTAMP)\b|\brandom(blob)?\s*\(|'now'|\bunixepoch\s*\(", re.IGNORECASE
)
WRITTEN_IN_GENERATED = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.MULTILINE)
GENERATED_MAY_IMPORT = re.compile(
    r"^(?:__future__|abc|builtins|collections(\.abc)?|sys|typing|typing_extensions|warnings|types"
    r"|grpc(\..+)?|google(\..+)?|lpse\.\w+\.v\d+(\.\w+_pb2(_grpc)?)?)$"
)


def test_only_the_clock_asks_the_machine() -> None:
    """Invariant 11: nothing but runtime/clock.py reads a clock or a random source."""
    judged = [m for m in modules() if m.path != CLOCK and not m.path.startswith(REAL_TIME)]
    found = [line for module in judged for line in asks(module)]
    assert not found, "\n".join(found)


def test_settings_are_read_at_the_edge() -> None:
    """Only programs and their settings read the environment; the rest receives values."""
    judged = [m for m in modules() if not m.path.startswith(READS_ENVIRONMENT)]
    found = {m.path for m in judged if uses(m.tree) & set(ENVIRONMENT)}
    assert not found


def test_contract_does_not_know_grpc() -> None:
    """The hand-written contract is bytes and rules; how they travel is somebody else's part."""
    contract = [m for m in modules() if m.path.startswith("proto/lpse/federation/")]
    assert not [m.path for m in contract if any(n.startswith("grpc") for n in uses(m.tree))]


def test_sql_asks_neither_time_nor_chance() -> None:
    """The database is not a second clock: values come in as parameters."""
    sql = [(path, text) for path, text in texts(".sql")]
    stores = [(p, t) for p, t in texts("store.py") if not p.startswith(REAL_TIME)]
    found = [f"{path}: {match[0]}" for path, t in sql + stores for match in SQL_ASKS.finditer(t)]
    assert not found, "\n".join(found)


def test_generated_code_imports_nothing_written_by_hand() -> None:
    """Generated modules import protobuf, gRPC, the standard library and each other, no more."""
    found = [
        f"{path}: {name}"
        for path in files()
        if path.endswith(GENERATED_ENDINGS)
        for name in WRITTEN_IN_GENERATED.findall((ROOT / path).read_text("utf-8"))
        if not GENERATED_MAY_IMPORT.match(name)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as dt\nx = dt.now",
        "import datetime\ndatetime.date.today()",
        "import time as t\nt.monotonic()",
        "from time import time",
        "import uuid\nuuid.uuid4()",
        "import random",
        "from secrets import token_bytes",
        "from os import urandom",
    ],
)
def test_planted_question_is_found(text: str) -> None:
    """Every spelling of asking the machine is found, under another name too."""
    assert asks(parse("planted.py", text))


def test_allowed_uses_of_the_same_modules_are_left_alone() -> None:
    """Types and arithmetic of datetime, and paths of os, are not questions to the machine."""
    text = "import os\nfrom datetime import datetime\ndatetime(2015, 3, 27)\nos.fsync(1)"
    assert not asks(parse("planted.py", text))


def asks(module: Module) -> list[str]:
    """Every question to the machine for time or chance in a module."""
    return [f"{module.path}: {name}" for name in sorted(uses(module.tree)) if is_banned(name)]


def uses(tree: ast.Module) -> set[str]:
    """Full dotted names of everything imported, and of attributes reached through it."""
    known = imported_names(tree)
    reached = {dotted(node, known) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {*known.values(), *reached}


def is_banned(name: str) -> bool:
    """Whether a full dotted name is a question to the machine."""
    return name in BANNED or name.split(".")[0] in BANNED_MODULES


def imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported local name stands for."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                known[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known


def dotted(node: ast.expr, known: dict[str, str]) -> str:
    """The full name of an attribute chain that begins at an imported name, else nothing."""
    if isinstance(node, ast.Name):
        return known.get(node.id, "")
    if isinstance(node, ast.Attribute):
        front = dotted(node.value, known)
        return f"{front}.{node.attr}" if front else ""
    return ""
