"""One entry of the reconciliation log in full: centre and node side by side, with all evidence.

Owns the picture: what it is about and what was decided by which rule; both sides' evidence in two
columns, differences marked; where the record stands, who signed it, both clocks; the neighbours in
the journal. Rule: the proof is checked again before it is called one. Leaves out JSON
(`recon_lists.entry_document`) and whom to ask.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, Final

from rich.table import Table

from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.merkle import leaf_hash, verify_inclusion
from lpse.federation.notes import Verifier
from lpse.federation.reconciliation_rules import Choice, choices, reason_of
from lpse.federation.v1 import recon_log_pb2 as log
from lpse.terminal.output import Output, console, show, visible
from lpse.terminal.plain import plain
from lpse.terminal.recon_lists import entry_document, entry_name, evidence_of, state_text
from lpse.terminal.recon_words import class_word, counted, outcome_word, trigger_word
from lpse.terminal.words import date_text, language, say

_MARK: Final = "≠"


def show_entry(detail: log.EntryDetail, zone: str, output: Output) -> None:
    """The whole picture, or the same as JSON."""
    if output is not Output.TABLE:
        show(document(detail), (), output)
        return
    out = console()
    for table in (_about(detail, zone), _sides(detail), _place(detail, zone)):
        out.print(table)
        out.print()
    out.print(_chain(detail, zone))


def document(detail: log.EntryDetail) -> dict[str, Any]:
    """The JSON form: the entry, its run's record, its place with proof, its neighbours."""
    return entry_document(detail.entry) | {
        "record": plain(detail.record),
        "place": plain(detail.place) if detail.HasField("place") else None,
        "previous": plain(detail.previous) if detail.HasField("previous") else None,
        "next": plain(detail.next) if detail.HasField("next") else None,
        "proven": proven(detail.place),
    }


def proven(place: log.EntryPlace) -> bool:
    """Whether the path leads from the entry's bytes to a head that the named key signed."""
    try:
        head = Head.of(place.head)
        head.verify(Verifier.parse(place.key))
        leaf = leaf_hash(place.entry)
        verify_inclusion(place.index, head.size, leaf, list(place.path), head.root)
    except FederationError:
        return False
    return leaf == place.leaf_hash


def _about(detail: log.EntryDetail, zone: str) -> Table:
    line, entry = detail.entry, detail.entry.entry
    begin = date_text(line.begin_time.ToDatetime(tzinfo=UTC), zone)
    state = state_text(plain(line)["state"])
    rows = (
        (say("Entry"), entry_name(line)),
        (say("Run"), f"{trigger_word(line.trigger)}, {begin}"),
        (say("Node"), f"{line.node_id} {line.province}".strip()),
        (say("Object"), entry.object),
        (say("Found"), f"{class_word(entry.classification)} ({entry.count})"),
        (say("Rule"), entry.rule),
        (say("Reason"), counted(reason_of(entry, language()))),
        (say("Outcome"), f"{outcome_word(entry.outcome)} ({_actor(entry.actor)})"),
        (say("State"), f"{state}, {line.resolved_by}" if line.resolved_by else state),
        *_choices(line),
        (say("To decide"), _command(line)),
        (say("Inputs"), _inputs(detail)),
        (say("Hash after"), entry.hash_after.hex()),
    )
    return _pairs(rows)


def _choices(line: log.LogEntry) -> list[tuple[str, str]]:
    """What a person may decide and what it means; nothing where it waits for nobody."""
    if line.state != log.ENTRY_STATE_NEEDS_PERSON:
        return []
    anywhere = choices(line.entry, at_centre=False)
    offered = choices(line.entry, at_centre=True)
    return [(say("Choice"), _meaning(one, anywhere=one in anywhere)) for one in offered]


def _meaning(choice: Choice, *, anywhere: bool) -> str:
    told = f"{choice.name} – {choice.indonesian if language() == 'id' else choice.english}"
    return told if anywhere else f"{told} ({say('only LKPP chooses this')})"


def _command(line: log.LogEntry) -> str:
    """How a choice is made, in both programs alike."""
    if line.state != log.ENTRY_STATE_NEEDS_PERSON:
        return ""
    return f"recon resolve {line.run} --entry {line.number} --choice … --reason …"


def _actor(actor: str) -> str:
    return say("by the rule") if actor in ("", "rule") else actor


def _inputs(detail: log.EntryDetail) -> str:
    """What the run was decided from, in one line; all of it stands in the JSON."""
    record: dict[str, Any] = plain(detail.record)
    inputs = record.get("inputs") or {}
    told = [f"{name}={value}" for name, value in inputs.items() if _scalar(value)]
    return ", ".join(told)


def _scalar(value: Any) -> bool:
    return isinstance(value, (str, int)) and value not in ("", 0, "UNSPECIFIED", False)


def _sides(detail: log.EntryDetail) -> Table:
    entry = detail.entry.entry
    centre, node = _facts(entry.centre_evidence), _facts(entry.node_evidence)
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for title in ("", say("centre"), say("node")):
        table.add_column(title, overflow="fold")
    for name in dict.fromkeys([*centre, *node]):
        left, right = centre.get(name, "–"), node.get(name, "–")
        mark = f" {_MARK}" if left != right else ""
        table.add_row(visible(f"{name}{mark}"), visible(left), visible(right))
    for title, data in ((say("raw"), (entry.centre_evidence, entry.node_evidence)),):
        table.add_row(title, *(visible(one.decode(errors="replace")) or "–" for one in data))
    return table


def _facts(data: bytes) -> dict[str, str]:
    found = evidence_of(data)
    if isinstance(found, dict):
        return {str(name): str(value) for name, value in found.items() if value is not None}
    return {} if found is None else {say("evidence"): str(found)}


def _place(detail: log.EntryDetail, zone: str) -> Table:
    place, record = detail.place, detail.record
    if not detail.HasField("place"):
        return _pairs(((say("Journal"), say("not written yet: the run goes on")),))
    genuine = say("genuine: the path leads to a signed head")
    rows = (
        (say("Journal"), f"{place.party}/{detail.entry.epoch.hex()}"),
        (say("Index"), say("{index} of {size}", index=place.index, size=place.head.size)),
        (say("Leaf hash"), place.leaf_hash.hex()),
        (say("Signer"), place.key),
        (say("Proof"), f"✓ {genuine}" if proven(place) else f"✗ {say('does not fit')}"),
        (say("Legal clock"), _clock(record.legal_time, zone)),
        (say("Wall clock"), _clock(record.begin_time, zone)),
    )
    return _pairs(rows)


def _clock(time: Any, zone: str) -> str:
    moment = time.ToDatetime(tzinfo=UTC)
    return f"{date_text(moment, zone)} · {moment.isoformat().replace('+00:00', 'Z')}"


def _chain(detail: log.EntryDetail, zone: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (say("Neighbours"), say("Index"), say("Kind"), say("Leaf hash")):
        table.add_column(title, overflow="fold")
    links = (
        (say("before"), detail.previous if detail.HasField("previous") else None),
        (say("after"), detail.next if detail.HasField("next") else None),
    )
    for title, link in links:
        if link is None:
            table.add_row(title, "–", say("none"), "")
        else:
            kind = visible(link.kind) or say("cannot be read")
            table.add_row(title, str(link.index), kind, link.leaf_hash.hex())
    return table


def _pairs(rows: tuple[tuple[str, str], ...]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for title, value in rows:
        if value:
            table.add_row(title, visible(value))
    return table
