"""Layout: what may lie at the top, what modules may be called, what no file may contain."""

from __future__ import annotations

import ast
import re
import stat

import pytest

from tests.architecture.repository import GENERATED_ENDINGS, ROOT, files, modules, texts

TOP = {
    *("proto", "central", "regional_node", "deploy", "tests"),
    *("pyproject.toml", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"),
}
EMPTY_WORDS = {"utils", "util", "common", "helpers", "helper", "models", "misc", "base"}
RUNTIME_PARTS = {"clock", "channels", "sqlite", "retries", "logs", "tls"}
FILE_BYTES_MAX = 300_000
FOREIGN_FOLDERS = {"vendor", "vendored", "third_party", "node_modules", "site-packages"}
TEXT_ENDINGS = (".py", ".pyi", ".md", ".toml", ".txt", ".proto", ".sql", ".po", ".json", ".service")
# Written in pieces, so that this file does not contain what it looks for.
MACHINE_PATHS = re.compile(
    "|".join(["/" + "work/", "/" + "tmp/brief", "/" + "opt/pypi", "/" + "root/"])
)
REGISTRIES = re.compile("|".join([r"pypi" + r"\.org", "python" + "hosted", "/simple" + r"/\w"]))
EXCEPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore|pragma:)" + r".*")
EXCUSED = re.compile(
    r"#\s*(?:noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|type: ignore\[[\w, -]+\]|pragma: [\w ]+)"
    r"\s*(?:-|–|#)\s*\w.*"
)


def test_top_level_holds_only_what_was_agreed() -> None:
    """Nothing new appears at the top of the repository without a decision."""
    top = {path.split("/")[0] for path in files()}
    assert {name for name in top if not name.startswith(".")} <= TOP


def test_no_module_has_an_empty_name() -> None:
    """A module's name says what it owns; utils, common, helpers and models say nothing."""
    words = {path: {*re.split(r"[/.]", path)[:-1]} for path in files() if path.endswith(".py")}
    assert not {path: found for path, names in words.items() if (found := names & EMPTY_WORDS)}


def test_runtime_holds_its_six_parts_only() -> None:
    """Shared plumbing does not grow into a drawer for everything."""
    start = "proto/lpse/runtime/"
    parts = {
        p[len(start) :].split("/")[0].removesuffix(".py") for p in files() if p.startswith(start)
    }
    assert parts <= RUNTIME_PARTS | {"__init__"}


def test_every_module_opens_with_a_docstring() -> None:
    """Every hand-written module says in its first lines what it owns."""
    opened = {m.path: (ast.get_docstring(m.tree) or "") for m in modules()}
    assert not [path for path, text in opened.items() if len(text.split("\n")[0].split()) < 3]


def test_every_test_states_its_promise() -> None:
    """Every test has a docstring: the promise in one sentence."""
    silent = [
        f"{module.path}::{function.name}"
        for module in modules()
        if module.is_test
        for function in module.functions()
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]
    assert not silent, "\n".join(silent)


def test_every_exception_to_a_rule_carries_its_reason() -> None:
    """A line that asks to be excused from lint or types says why on the same line."""
    asked = [
        f"{path}: {found[0]}"
        for path, text in texts(".py")
        if not path.endswith(GENERATED_ENDINGS)
        for found in EXCEPTION.finditer(text)
        if not EXCUSED.fullmatch(found[0])
    ]
    assert not asked, "\n".join(asked)


def test_every_ignored_lint_rule_carries_its_reason() -> None:
    """Each line of pyproject.toml that switches a lint rule off says why."""
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    switched = re.search(r"^ignore = \[.*?(?=^\[tool\.ruff\.lint\.pylint\])", settings, re.M | re.S)
    assert switched
    codes = [line for line in switched[0].splitlines() if re.match(r'\s+"[A-Z0-9]+",', line)]
    assert codes
    assert not [line for line in codes if not re.search(r"# \S+", line)]


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRIES], ids=["machine-path", "registry"])
def test_no_file_names_a_machine_or_a_registry(pattern: re.Pattern[str]) -> None:
    """The repository works anywhere: no path of a particular machine, no package registry."""
    found = [
        f"{path}: {match[0]}"
        for path, text in texts(*TEXT_ENDINGS, ".ci/run", ".gitignore")
        for match in pattern.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_nothing_foreign_or_big_is_committed() -> None:
    """No third-party code is copied in, and no file is too big to be a source."""
    assert not [path for path in files() if FOREIGN_FOLDERS & set(path.split("/"))]
    assert not [path for path in files() if (ROOT / path).stat().st_size > FILE_BYTES_MAX]


def test_only_scripts_are_executable() -> None:
    """A file is executable exactly when it begins with an interpreter line."""
    wrong = [
        path
        for path in files()
        if bool((ROOT / path).stat().st_mode & stat.S_IXUSR)
        != (ROOT / path).read_bytes().startswith(b"#!")
    ]
    assert not wrong, "\n".join(wrong)
