"""`lkppctl rollout {plan,approve,apply,list,get,watch,pause,resume,stop}`: waves of an upgrade.

Rules: a rollout is planned, approved by a second person and applied as it was reviewed; `watch`
ends with 0 when it completed and with 10 when it was halted or stopped. Leaves out the releases.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from central.ctl import live, planning, session
from lpse.federation.errors import Refused
from lpse.terminal.output import (
    EXIT_ROLLOUT_STOPPED,
    Column,
    ConfirmationNeeded,
    Output,
    OutputOption,
    ask,
    console,
    note,
    run,
    show,
    show_list,
)
from lpse.terminal.plain import plain
from lpse.terminal.words import say, when

ACT: Final = "rollout.apply"
app = typer.Typer(help="Rollouts: a release, brought to nodes in waves.")
planning.add_commands(app, act=ACT)

COLUMNS: Final = (
    Column("name", "Rollout"),
    Column("version", "Version"),
    Column("state", "State", say),
    Column("waves", "Waves", lambda waves: " · ".join(_wave(wave) for wave in waves)),
    Column("failures", "Failed", right=True),
    Column("change_time", "Since", when("Asia/Jakarta")),
    Column("reason", "Reason"),
)
OUTLOOKS: Final = (
    Column("wave", "Wave"),
    Column("node_id", "Node"),
    Column("version", "Version"),
    Column("outlook", "Outlook", say),
    Column("hold_until_time", "Held until", when("Asia/Jakarta")),
)
NameArgument = Annotated[str, typer.Argument(help="Rollout, as rollouts/spse-3.6 or spse-3.6.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it stands in the national journal.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


class State(StrEnum):
    """Values of `--state`."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    HALTED = "HALTED"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"


@app.command()
def plan(
    *,
    release: Annotated[str, typer.Option(help="Version of a published release.")],
    wave: Annotated[
        list[str], typer.Option(help="NAME=NODE,NODE…; repeat in the order of opening.")
    ],
    reason: ReasonOption,
    success_percent: Annotated[
        int | None, typer.Option(help="Share of a wave that must succeed; default 100.")
    ] = None,
    failures_max: Annotated[
        int | None, typer.Option(help="More failed nodes than this halt; default 0.")
    ] = None,
    soak: Annotated[
        int | None, typer.Option(help="Seconds of health before a node counts.")
    ] = None,
    guard_hours: Annotated[
        float | None, typer.Option(help="No upgrade so long before a deadline; default 24.")
    ] = None,
    emergency_override: Annotated[
        bool, typer.Option(help="Start inside guard windows too; needs two approvals.")
    ] = False,
    validate_only: Annotated[
        bool, typer.Option("--validate-only", help="Preview; store no plan.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Preview a rollout and make a plan of it for a second person to approve."""
    spec = {
        "version": release,
        "waves": [_wave_of(text) for text in wave],
        "success_percent": success_percent,
        "failures_max": failures_max,
        "soak_seconds": soak,
        "guard_window_seconds": None if guard_hours is None else round(guard_hours * 3_600),
        "emergency_override": emergency_override,
    }
    run(_plan(spec, reason, validate_only, output))


@app.command("list")
def list_rollouts(
    state: Annotated[State | None, typer.Option(help="Only rollouts in this state.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List rollouts, newest first."""
    run(_list(state, output))


@app.command()
def get(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Show one rollout with every wave and node."""
    run(_get(name, output))


@app.command()
def watch(name: NameArgument, output: OutputOption = Output.TABLE) -> None:
    """Follow a rollout until it ends; exit code 10 when it was halted or stopped."""
    run(_watch(name, output))


@app.command()
def pause(name: NameArgument, reason: ReasonOption, output: OutputOption = Output.TABLE) -> None:
    """Open no wave and start no node until it is resumed."""
    run(_change("Pause", name, reason, output))


@app.command()
def resume(name: NameArgument, reason: ReasonOption, output: OutputOption = Output.TABLE) -> None:
    """Go on after a pause."""
    run(_change("Resume", name, reason, output))


@app.command()
def stop(
    name: NameArgument,
    reason: ReasonOption,
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a rollout for good; upgrades that are running finish."""
    if not yes and ask(say("Type the rollout's name to end it:")) != name:
        raise ConfirmationNeeded("FED-8013", "the rollout's name was not confirmed")
    run(_change("Stop", name, reason, output))


async def _plan(spec: dict[str, Any], reason: str, validate_only: bool, output: Output) -> None:
    from lpse.operator.v1.rollouts_pb2 import PlanRolloutRequest, RolloutSpec
    from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub

    given = {key: value for key, value in spec.items() if value is not None}
    request = PlanRolloutRequest(
        spec=RolloutSpec(**given), reason=reason, validate_only=validate_only
    )
    async with session.connect() as opened:
        answer = await RolloutsStub(opened.channel).PlanRollout(request)
    if output is Output.TABLE or validate_only:
        show_list(answer.outlooks, OUTLOOKS, output, name="node_id")
    if validate_only:
        return
    if output is Output.TABLE:
        planning.show_plan(answer.plan, output)
        note(say("A second person approves it: lkppctl rollout approve --plan {plan}",
                 plan=answer.plan.name))  # fmt: skip
        return
    row = planning.plan_row(answer.plan)
    show({**row, "outlooks": plain(list(answer.outlooks))}, output=output)


async def _list(state: State | None, output: Output) -> None:
    from lpse.federation.v1.directives_pb2 import RolloutState
    from lpse.operator.v1.rollouts_pb2 import ListRolloutsRequest
    from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub

    request = ListRolloutsRequest()
    if state:
        request.state = RolloutState.Value(f"ROLLOUT_STATE_{state.value}")
    rows: list[Any] = []
    async with session.connect() as opened:
        while True:
            answer = await RolloutsStub(opened.channel).ListRollouts(request)
            rows.extend(answer.rollouts)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list(rows, COLUMNS, output)


async def _get(name: str, output: Output) -> None:
    from lpse.operator.v1.rollouts_pb2 import GetRolloutRequest
    from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub

    async with session.connect() as opened:
        rollout = await RolloutsStub(opened.channel).GetRollout(GetRolloutRequest(name=_full(name)))
    _show(rollout, output)


async def _watch(name: str, output: Output) -> None:
    from lpse.operator.v1.rollouts_pb2 import WatchRolloutRequest
    from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub

    async with session.connect() as opened:
        call = RolloutsStub(opened.channel).WatchRollout(WatchRolloutRequest(name=_full(name)))

        async def rollouts() -> AsyncIterator[Any]:
            async for answer in call:
                yield answer.rollout

        last = await live.watch(rollouts(), output)
    if last.get("state") in (State.HALTED, State.STOPPED):
        raise typer.Exit(EXIT_ROLLOUT_STOPPED)


async def _change(act: str, name: str, reason: str, output: Output) -> None:
    from lpse.operator.v1 import rollouts_pb2 as api
    from lpse.operator.v1.rollouts_pb2_grpc import RolloutsStub

    request = getattr(api, f"{act}RolloutRequest")(name=_full(name), reason=reason)
    async with session.connect() as opened:
        rollout = await getattr(RolloutsStub(opened.channel), f"{act}Rollout")(request)
    _show(rollout, output)


def _show(rollout: Any, output: Output) -> None:
    if output is Output.TABLE:
        console(markup=True).print(live.tree(rollout))
    else:
        show(rollout, COLUMNS, output)


def _wave(wave: dict[str, Any]) -> str:
    return f"{wave['wave']} {wave['applied_count']}/{wave['node_count']}"


def _wave_of(text: str) -> dict[str, Any]:
    name, equals, nodes = text.partition("=")
    listed = [node.strip() for node in nodes.split(",") if node.strip()]
    if not name or not equals or not listed:
        raise Refused("FED-6201", f"{text!r} is no wave", remedy="write --wave canary=lpse-pacitan")
    return {"wave": name, "node_ids": listed}


def _full(name: str) -> str:
    return name if name.startswith("rollouts/") else f"rollouts/{name}"
