"""Both programs narrow the reconciliation log by the same flags, defined once."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import central.ctl.recon as at_centre
import regional_node.cli.recon as at_node
from lpse.terminal import recon_flags as flags

ALL = [one.name for one in fields(flags.Flags) if one.name != "run"]


@pytest.mark.parametrize(
    ("program", "without"), [(at_centre, frozenset[str]()), (at_node, flags.OF_MANY_NODES)]
)
def test_lists_and_exports_offer_every_flag_of_the_filter(
    program: Any, without: frozenset[str]
) -> None:
    """What a command does not offer is what its program leaves out by name."""
    for command in (program.list_runs, program.export):
        offered = [one for one in inspect.signature(command).parameters if one in ALL]
        assert offered == [one for one in ALL if one not in without]


def test_what_is_given_arrives_as_one_filter() -> None:
    """Flags become the one parameter of the command, repeated ones as alternatives."""
    seen: list[Any] = []
    app = typer.Typer()

    @app.command()
    @flags.filtered(without=flags.OF_MANY_NODES)
    def listed(target: str, *, asked: flags.Flags, limit: flags.Limit = 5) -> None:
        seen.append((target, asked, limit))

    def run(words: list[str]) -> int:
        return CliRunner().invoke(app, words).exit_code

    given = ["x", "--rule", "R-A", "--rule", "R-B", "--state", "OPEN", "--heads-unequal"]
    assert run(given) == 0
    expected = flags.Flags(rules=["R-A", "R-B"], states=[flags.State.OPEN], heads_unequal=True)
    (found,) = seen
    assert found[0] == "x" and found[2] == 5
    for one in fields(flags.Flags):
        assert (getattr(found[1], one.name) or None) == (getattr(expected, one.name) or None)
    assert run(["x", "--node", "lpse-a"]) == 2
