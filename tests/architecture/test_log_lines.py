"""What a log line may be made of, judged at every call: secrecy is not left to the last filter.

`lpse.runtime.logs` drops secret keys while a program runs; here no line of the code even tries.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from lpse.runtime.logs import SECRET_WORDS
from tests.architecture.repository import Module, modules, parse

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "bind"}
LOGGER = re.compile(r"_*log(ger)?", re.IGNORECASE)
PROGRAMS = ("central/", "regional_node/", "proto/")


def test_no_log_line_names_a_bidder_a_package_or_a_file() -> None:
    """No call hands a secret key or a composed text to a log, at any level."""
    judged = [module for module in modules() if module.path.startswith(PROGRAMS)]
    found = [line for module in judged for line in indiscreet(module)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "log.info('stored', package_code=code)",
        "self._log.debug('stored', vendor=v)",
        "_LOG.bind(file_name=n)",
        "log.warning(f'stored {name}')",
        "log.error('stored %s', name)",
        "log.error(str(error))",
    ],
)
def test_planted_indiscretion_is_found(text: str) -> None:
    """Secret keys and composed texts are found under every usual name of a logger."""
    assert indiscreet(parse("planted.py", text))


def test_discreet_lines_are_left_alone() -> None:
    """An event with sizes, indexes and codes is what a log is for."""
    text = "log.info('entry.stored', index=7, size_bytes=9, error_code='FED-1101')\nlog.bind(run=1)"
    assert not indiscreet(parse("planted.py", text))


def indiscreet(module: Module) -> list[str]:
    """Log calls of a module that could tell a secret."""
    return [f"{module.path}: {ast.unparse(call)}" for call in log_calls(module.tree) if tells(call)]


def log_calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Every call of a level on something that is named like a logger."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).rsplit(".", maxsplit=1)[-1]
            if node.func.attr in LEVELS and LOGGER.fullmatch(owner):
                yield node


def tells(call: ast.Call) -> bool:
    """Whether a key is secret, or the event is anything but one fixed word."""
    keys = {keyword.arg for keyword in call.keywords if keyword.arg}
    if any(SECRET_WORDS & {key.lower(), *key.lower().split("_")} for key in keys):
        return True
    fixed = [isinstance(a, ast.Constant) and isinstance(a.value, str) for a in call.args]
    return len(call.args) > 1 or not all(fixed)
