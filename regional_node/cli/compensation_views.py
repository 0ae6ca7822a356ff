"""What the commands of `compensation` ask, sign and show.

Owns the printed form of a proposal: a line per stage old → new, then the arithmetic in the person's
language. Leaves out the flags (`compensation`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lpse.federation.acts import subject_digest
from lpse.federation.documents import as_time
from lpse.federation.limits import DECISION_DOCUMENT_BYTES_MAX, SCHEDULE_DOCUMENT_BYTES_MAX
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import compensations_pb2 as api
from lpse.intake.v1.compensations_pb2_grpc import CompensationsStub
from lpse.terminal.output import Column, Output, note, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import duration_text, language, say, when
from regional_node.cli import session
from regional_node.cli.acting import sign
from regional_node.cli.schedule_files import read_file, read_time
from regional_node.schedule.decisions import DECIDE, Wish
from regional_node.schedule.preview import PreviewInputs, preview

_COLUMNS: Final = (
    Column("package", "Package"),
    Column("proposal", "Proposal", right=True),
    Column("state", "State", say),
    Column("provisional", "Provisional"),
    Column("stage", "Stage"),
    Column("ends", "Old → new"),
    Column("days", "Days", right=True),
    Column("outages", "Outages"),
    Column("held", "Held"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision as the flags said it; ends are still texts."""

    code: str
    decision: str
    reason: str
    ends: Sequence[tuple[str, str]]
    document: Path | None
    proposal: int | None


async def show_all(state: str, output: Output) -> None:
    """`compensation list`."""
    found: list[api.Compensation] = []
    wanted = api.CompensationState.Value(f"COMPENSATION_STATE_{state or 'UNSPECIFIED'}")
    request = api.ListCompensationsRequest(state=wanted)
    async with session.connect() as channel:
        while True:
            answer = await CompensationsStub(channel).ListCompensations(request)
            found.extend(answer.compensations)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    rows = [_row(one) for one in found]
    if output is Output.TABLE:
        rows = [line for row in rows for line in _lines(row)]
    show_list(rows, _COLUMNS, output, name="package")


async def show_one(code: str, proposal: int, output: Output) -> None:
    """`compensation get`."""
    name = f"compensations/{code}" + (f"/{proposal}" if proposal else "")
    async with session.connect() as channel:
        answer = await CompensationsStub(channel).GetCompensation(
            api.GetCompensationRequest(name=name)
        )
    row = _row(answer.compensation)
    row["history"] = [_row(one) for one in answer.history]
    _show(row, output)


async def decide(asked: Asked, actor: str, key: Path, output: Output) -> None:
    """`compensation decide`: read, sign, send."""
    digest = b""
    if asked.document is not None:
        digest = hashlib.sha256(read_file(asked.document, DECISION_DOCUMENT_BYTES_MAX)).digest()
    async with session.connect() as channel:
        stub = CompensationsStub(channel)
        read = await stub.GetCompensation(
            api.GetCompensationRequest(name=f"compensations/{asked.code}")
        )
        present = read.compensation
        number = _number(present) if asked.proposal is None else asked.proposal
        wish = Wish(
            package=asked.code,
            proposal=number,
            decision=records.Decision.Value(f"DECISION_{asked.decision.upper()}"),
            reason=asked.reason,
            changes={stage: read_time(end, present.zone) for stage, end in asked.ends},
            document_digest=digest,
        )
        act = await sign(
            channel, actor=actor, key=key, act=DECIDE, digest=subject_digest(wish.subject())
        )
        answer = await stub.DecideCompensation(_request(wish, act))
    row = _row(answer.compensation)
    row["new_schedule_revision"] = answer.schedule_revision
    _show(row, output)


def preview_files(
    files: Mapping[str, Path | None], rule_set: str | None, as_of: str | None, output: Output
) -> None:
    """`compensation preview`: files in, arithmetic out."""
    read = {
        name: read_file(path, SCHEDULE_DOCUMENT_BYTES_MAX)
        for name, path in files.items()
        if path is not None
    }
    rules: bytes | str | None = rule_set
    if rule_set is not None and Path(rule_set).is_file():
        rules = read_file(Path(rule_set), SCHEDULE_DOCUMENT_BYTES_MAX)
    answer = preview(
        PreviewInputs(
            package=read["package"],
            outages=read["outages"],
            rule_set=rules,
            calendar=read.get("calendar"),
            as_of=None if as_of is None else as_time(as_of, "--as-of"),
        )
    )
    for notice in answer.notices:
        note(notice.indonesian if language() == "id" else notice.english)
    if output is not Output.TABLE:
        show(answer.document, (), output, name="package")
        return
    print(f"{answer.document['package']}  ({answer.document['rule_set']})")
    for stage in _stages(answer.document):
        _print_stage(stage)


def _number(present: api.Compensation) -> int:
    """The proposal that waits; 0 where only a hold does."""
    waiting = (
        api.COMPENSATION_STATE_PROPOSED,
        api.COMPENSATION_STATE_ALREADY_OPENED,
    )
    return present.proposal if present.state in waiting or not present.held else 0


def _request(wish: Wish, act: Any) -> api.DecideCompensationRequest:
    request = api.DecideCompensationRequest(
        name=f"compensations/{wish.package}/{wish.proposal}",
        decision=wish.decision,
        reason=wish.reason,
        document_digest=wish.document_digest,
        act=act,
    )
    for stage, end in wish.changes.items():
        request.changes.add(stage=stage).end_time.FromDatetime(end)
    return request


def _row(one: api.Compensation) -> dict[str, Any]:
    row: dict[str, Any] = plain(one)
    row["arithmetic"] = json.loads(one.arithmetic) if one.arithmetic else None
    return row


def _lines(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line per stage that moves; one line where none does."""
    at = when(row["zone"])
    moved = row["decided"] or row["adjustments"]
    lines = [
        {
            **row,
            "stage": one["stage"],
            "ends": f"{at(one['old_end_time'])} → {at(one['new_end_time'])}",
            "days": one["days"],
        }
        for one in moved
    ]
    return lines or [{**row, "stage": "", "ends": "", "days": None}]


def _show(row: Mapping[str, Any], output: Output) -> None:
    if output is not Output.TABLE:
        show(row, (), output, name="package")
        return
    show_list(_lines(row), _COLUMNS)
    for stage in _stages(row["arithmetic"] or {}):
        _print_stage(stage)
    if row["provisional"]:
        note(say("Provisional: the outage is still open."))
    if row["reason"]:
        show(row, _decision(row["zone"]))


def _decision(zone: str) -> tuple[Column, ...]:
    return (
        Column("decided_by", "Decided by"),
        Column("decide_time", "Decided", when(zone)),
        Column("reason", "Reason"),
    )


def _stages(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    stages: Sequence[Mapping[str, Any]] = document.get("stages", ())
    return stages


def _print_stage(stage: Mapping[str, Any]) -> None:
    """The arithmetic of one stage in words."""
    lost = stage["lost_seconds"]
    print(f"\n{stage['name']}" + (f"  ({duration_text(lost)})" if lost else ""))
    for step in stage["steps"]:
        print(f"  {step[language()]}")
