"""Sizes: functions, files and parameter lists stay small enough to be read in one go."""

from __future__ import annotations

from pathlib import Path

from tests.architecture.repository import Function, Module, modules, parse, texts

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
TEST_FILE_LINES_MAX = 600
PROTO_LINES_MAX = 600  # most lines of a contract are the comments that every field must have
PARAMETERS_MAX = 6
COMMAND_DECORATORS = ("command", "callback")  # of typer: their parameters are a grammar's flags


def test_files_stay_short() -> None:
    """No hand-written file is longer than 400 lines, no test longer than 600."""
    found = [f"{m.path}: {m.lines} lines" for m in modules() if m.lines > file_limit(m)]
    assert not found, "\n".join(found)


def test_contract_and_sql_files_stay_short() -> None:
    """The limits hold for .proto, .sql and shell files too."""
    limits = {".proto": PROTO_LINES_MAX, ".sql": FILE_LINES_MAX, ".sh": FILE_LINES_MAX}
    counted = [(path, t.count("\n"), limits[Path(path).suffix]) for path, t in texts(*limits)]
    assert not [f"{path}: {lines} lines" for path, lines, limit in counted if lines > limit]


def test_functions_stay_short() -> None:
    """No function is longer than 60 lines."""
    found = [line for module in modules() for line in long_functions(module)]
    assert not found, "\n".join(found)


def test_parameter_lists_stay_short() -> None:
    """No function takes more than six parameters; flags of a command and fixtures do not count."""
    found = [line for m in modules() if not m.is_test for line in long_parameter_lists(m)]
    assert not found, "\n".join(found)


def test_planted_long_function_is_found() -> None:
    """The measuring itself works: 61 lines are found, 60 are not."""
    body = "\n".join(["    pass"] * FUNCTION_LINES_MAX)
    assert long_functions(parse("planted.py", f"def long():\n{body}\n"))
    assert not long_functions(parse("planted.py", f"def long():\n{body[9:]}\n"))


def test_planted_parameters_are_found_unless_they_are_flags() -> None:
    """Seven parameters are found, six beside self are not, nor those of a typer command."""
    seven, six = "a, b, c, d, *, e, f, g", "self, a, b, c, d, *, e, f"
    assert long_parameter_lists(parse("planted.py", f"def wide({seven}): ..."))
    assert not long_parameter_lists(parse("planted.py", f"def wide({six}): ..."))
    flags = f"@app.command('x')\ndef wide({seven}): ..."
    assert not long_parameter_lists(parse("planted.py", flags))


def file_limit(module: Module) -> int:
    """Lines that a file of this kind may have."""
    return TEST_FILE_LINES_MAX if module.is_test else FILE_LINES_MAX


def long_functions(module: Module) -> list[str]:
    """Functions over the limit, with their lengths."""
    lengths = ((f, (f.end_lineno or f.lineno) - f.lineno + 1) for f in module.functions())
    return [f"{module.path}: {f.name} {n} lines" for f, n in lengths if n > FUNCTION_LINES_MAX]


def long_parameter_lists(module: Module) -> list[str]:
    """Functions with too many parameters, with their numbers."""
    counted = ((f, parameters(f)) for f in module.functions() if not is_command(f))
    return [f"{module.path}: {f.name} {n} parameters" for f, n in counted if n > PARAMETERS_MAX]


def parameters(function: Function) -> int:
    """Number of parameters that a caller fills."""
    given = function.args
    names = [a.arg for a in [*given.posonlyargs, *given.args, *given.kwonlyargs]]
    return len([name for name in names if name not in ("self", "cls")])


def is_command(function: Function) -> bool:
    """Whether the parameters are command-line flags, read by typer."""
    called = (getattr(node, "func", node) for node in function.decorator_list)
    return any(getattr(node, "attr", "") in COMMAND_DECORATORS for node in called)
