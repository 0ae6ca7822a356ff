"""What `lkppctl node` shows: columns of a list and of one node, and what a person must look at.

Rules: a list fits a terminal of 80 columns, so what must be explained stands below it, one
paragraph per node, in the reader's language; the centre's own words, which are English, stay in
JSON. Leaves out asking the centre (`node`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from lpse.terminal.causes import access_text, quarantine_text
from lpse.terminal.output import Column, note, show_list, visible
from lpse.terminal.words import date_text, duration_text, say, size_text, when

_ZONE: Final = "Asia/Jakarta"
_WHEN: Final = when(_ZONE)


def _fact(name: str) -> str:
    """What a node never told is not a fact."""
    return say("not told") if name == "UNSPECIFIED" else say(name)


def _short(text: str) -> str:
    """Without weekday and year: a list shows what is new."""
    said = date_text(datetime.fromisoformat(text), _ZONE)
    _, _, rest = said.partition(", ")
    day, month, _, clock, zone = rest.split(" ")
    return f"{day} {month} {clock} {zone}"


def _recovery_text(recovery: Mapping[str, str]) -> str:
    said = say(
        "{time} from {address}, software {version}, start {boot}",
        time=_WHEN(recovery["notice_time"]),
        address=recovery["address"],
        version=visible(recovery["software_version"]),  # a line end would begin a line of ours
        boot=recovery["boot_id"][:16],
    )
    answer = recovery["resolution"]
    return f"{said} – {answer or say('a person must acknowledge it')}"


_IDENTITY: Final = (Column("node_id", "Node"), Column("province", "Province"))
_STATE: Final = (
    Column("service", "Service", _fact),
    Column("link", "Link", _fact),
    Column("service_version", "Version"),
    Column("queue_entries", "Queue", right=True),
    Column("queue_bytes", "Queue size", size_text, right=True),
)
_ATTENTION: Final = (
    Column("quarantine", "Quarantine", quarantine_text),
    Column("recovery", "Came back", _recovery_text),
)
_LIST: Final = (
    *_IDENTITY,
    *_STATE[:3],
    Column("waiting", "Queue", right=True),
    Column("as_of_time", "As of", _short),
)
STATUS: Final = (*_IDENTITY, *_STATE, Column("as_of_time", "Data as of", _WHEN), *_ATTENTION)
DETAILS: Final = (
    *_IDENTITY,
    *_STATE,
    Column("as_of_time", "Data as of", _WHEN),
    Column("zone", "Zone"),
    Column("state", "Access", access_text),
    Column("desired_version", "Desired version"),
    Column("software_version", "Node software"),
    Column("parked_entries", "Parked entries", right=True),
    Column("clock_offset_seconds", "Clock off by", duration_text),
    Column("free_bytes", "Free disk", size_text),
    *_ATTENTION,
    Column("enrol_time", "Enrolled", _WHEN),
    Column("certificate_expire_time", "Certificate until", _WHEN),
    Column("revoke_time", "Revoked", _WHEN),
    Column("revoke_reason", "Reason"),
    Column("key_id", "Key"),
)


def tell_list(rows: Sequence[Mapping[str, Any]], missing: Sequence[str]) -> None:
    """The table of many nodes, and below it who is `missing` and what needs a person."""
    show_list([{**row, "waiting": _waiting(row)} for row in rows], _LIST)
    if missing:
        note(say("not reachable: {nodes}", nodes=", ".join(missing)))
    for row in rows:
        _tell_attention(row)


def _waiting(row: Mapping[str, Any]) -> str:
    """Entries and bytes in one cell."""
    entries, size_bytes = int(row["queue_entries"]), int(row["queue_bytes"])
    return f"{entries} · {size_text(size_bytes)}" if entries or size_bytes else "0"


def _tell_attention(row: Mapping[str, Any]) -> None:
    """Why a node waits for a person, and where to look."""
    node, told = row["node_id"], []
    quarantine, recovery = row.get("quarantine"), row.get("recovery")
    if quarantine is not None:
        told.append(say("{node}: under quarantine – {why}", node=node,
                        why=quarantine_text(quarantine)))  # fmt: skip
    if recovery is not None and not recovery["resolution"]:
        told.append(say("{node}: came back {how}", node=node, how=_recovery_text(recovery)))
    for text in told:
        note(text)
    if told:
        note(f"  lkppctl recon list --node {node} --state NEEDS_PERSON --entries")
    if quarantine is not None:
        note("  " + say("nothing there? It is decided: stop the machine that shall not go on"))
