"""How a program's commands are put together and run: nouns mounted, help in the person's language.

Owns mounting (`app` of one file per noun) and the outermost frame. Rule: an error leaves as text
with a code, never as a stack trace. Leaves out what any command does.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import typer

from lpse.terminal import words
from lpse.terminal.output import execute


def mount(root: typer.Typer, modules: Sequence[str], *, nouns: bool = True) -> None:
    """Add each module's `app`: under the module's own name, or its commands directly."""
    for path in modules:
        name = path.rsplit(".", 1)[1].removesuffix("_").replace("_", "-")
        app = importlib.import_module(path).app
        if nouns:
            root.add_typer(app, name=name, no_args_is_help=True)
        else:
            root.add_typer(app)


def start(root: typer.Typer, name: str, *catalogues: Path) -> NoReturn:
    """Choose the language, translate the help, run the command, leave with its exit code."""
    words.choose(os.environ, *catalogues)
    command = typer.main.get_command(root)
    _translate(command)
    execute(lambda: command.main(args=sys.argv[1:], prog_name=name))


def _translate(command: Any) -> None:
    """Help texts are declared in English where the command is; their message id is that text."""
    for attribute in ("help", "short_help", "epilog"):
        if text := getattr(command, attribute, None):
            setattr(command, attribute, words.say(inspect.cleandoc(text)))
    for parameter in getattr(command, "params", ()):
        if text := getattr(parameter, "help", None):
            parameter.help = words.say(text)
    for child in getattr(command, "commands", {}).values():
        _translate(child)
