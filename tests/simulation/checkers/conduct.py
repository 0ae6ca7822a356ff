"""Checkers of what was done when: convergence, upgrades, holds, deadlines, secrecy, bounds.

Owns six promises. Rules: journals tell what a node did and in which order; people's own notes (when
a tender ends, what they were handed) tell what it was allowed to do. Leaves out bytes and receipts
(`bookkeeping`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import cast

from lpse.federation.entries import moment
from lpse.federation.limits import GUARD_WINDOW_SECONDS
from lpse.federation.v1 import records_pb2 as wire
from tests.simulation.evidence import Copy, Evidence, own_journal, records, rows_of

Told = Iterator[tuple[str, str]]
UPLOAD_STAGE = "Upload Dokumen Penawaran"
_STATE = wire.UpgradeState
_BEGINS = (_STATE.UPGRADE_STATE_DOWNLOADING, _STATE.UPGRADE_STATE_APPLYING)


def converges(evidence: Evidence) -> Told:
    """Once faults stopped, both sides hold the same within the bound, and nobody complains."""
    for words in evidence.unsettled:
        yield words.partition(" ")[0], f"still differs after the bound: {words}"
    for words in evidence.complaints:
        yield "a program", f"left an exception that nobody awaited: {words}"


def one_outcome(evidence: Evidence) -> Told:
    """An attempt ends applied or rolled back, never both."""
    ends = {_STATE.UPGRADE_STATE_APPLIED, _STATE.UPGRADE_STATE_ROLLED_BACK}
    for node in evidence.nodes.values():
        seen: dict[tuple[str, str], set[int]] = {}
        for step in _steps(node):
            attempt = (step.rollout, step.to_version)
            if step.state == _STATE.UPGRADE_STATE_RECEIVED:
                seen[attempt] = set()
            reached = seen.setdefault(attempt, set())
            if step.state in ends:
                reached.add(step.state)
            if len(reached) > 1:
                yield node.name, f"{step.to_version} was applied and rolled back in one attempt"


def holds_respected(evidence: Evidence) -> Told:
    """No upgrade begins before a known deadline's guard window is past; no held package opens."""
    guard = timedelta(seconds=GUARD_WINDOW_SECONDS)
    for node in evidence.nodes.values():
        ends: dict[str, datetime] = {}
        held: dict[str, int] = {}
        for record in _told(node, "package.scheduled", "upgrade.stepped", *_HOLDS):
            if isinstance(record, wire.PackageScheduled):
                ends[record.package] = _upload_end(record)
            elif isinstance(record, wire.HoldStarted):
                held[record.package] = held.get(record.package, 0) + 1
            elif isinstance(record, wire.HoldEnded):
                held[record.package] = held.get(record.package, 0) - 1
            elif isinstance(record, wire.PackageOpened) and held.get(record.package, 0) > 0:
                yield node.name, f"package {record.package} was opened while it was held"
            elif isinstance(record, wire.UpgradeStepped) and record.state in _BEGINS:
                now = moment(record.step_time)
                near = [code for code, end in ends.items() if now < end <= now + guard]
                if near:
                    yield node.name, f"an upgrade went on although {near} end within the guard"


def deadlines_later(evidence: Evidence) -> Told:
    """No revision, decision, judgement or receipt knows an earlier end than was published."""
    for node in evidence.nodes.values():
        ends: dict[str, datetime] = {}
        kinds = ("package.scheduled", "compensation.decided", "package.opened")
        for record in _told(node, *kinds):
            if isinstance(record, wire.PackageScheduled):
                end = _upload_end(record)
                before = ends.get(record.package, evidence.due.get(record.package, end))
                if end < before:
                    yield record.package, f"revision {record.revision} ends earlier than published"
                ends[record.package] = max(end, before)
            elif isinstance(record, wire.CompensationDecided):
                for one in record.adjustments:
                    if moment(one.new_end_time) < moment(one.old_end_time):
                        yield record.package, f"a decision lets {one.stage} end earlier"
            elif isinstance(record, wire.PackageOpened):
                deadline = moment(record.deadline_time)
                if deadline < ends.get(record.package, deadline):
                    yield record.package, "it was opened by an earlier deadline than published"


def nothing_early(evidence: Evidence) -> Told:
    """Nobody but the node could read a bid, and the node gave none away, before its deadline.

    By true time: a node whose clock was set back writes an earlier time into its journal, beside
    the measured error of that clock, and is not early by that.
    """
    yield from evidence.leaks
    for package, when in evidence.handed_at.items():
        if when < evidence.due[package]:
            yield package, f"its bids were given away {evidence.due[package] - when} too early"


def bounded(evidence: Evidence) -> Told:
    """Queues, tasks and calls stayed under their bounds; no table outgrew the journals it is of."""
    for name, peak in evidence.peaks.items():
        if peak > evidence.bounds.get(name, peak):
            yield name, f"rose to {peak:g}, its bound is {evidence.bounds[name]:g}"
    for copy in (evidence.centre, *evidence.nodes.values()):
        rows = rows_of(copy)
        bound = ROWS_FREE + ROWS_PER_ENTRY * sum(rows.get(name, 0) for name in _JOURNALS)
        for table, count in rows.items():
            if count > bound:
                yield copy.name, f"{table} has {count} rows; its journals bear {bound}"


# What a table may hold without any journal, and for each entry that the machine holds.
ROWS_FREE = 200
ROWS_PER_ENTRY = 2
_JOURNALS = ("journal_entries", "ledger_entries", "national_entries")
_HOLDS = ("hold.started", "hold.ended", "package.opened")


def _told(node: Copy, *kinds: str) -> Iterator[object]:
    for epoch in own_journal(node):
        for entry, record in records(epoch.entries, *kinds):
            if entry.imported is None:
                yield record


def _steps(node: Copy) -> Iterator[wire.UpgradeStepped]:
    for record in _told(node, "upgrade.stepped"):
        yield cast(wire.UpgradeStepped, record)


def _upload_end(record: wire.PackageScheduled) -> datetime:
    return max(moment(one.end_time) for one in record.stages if one.stage == UPLOAD_STAGE)
