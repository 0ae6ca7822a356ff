"""The node's objects, read from the tables of its areas.

Owns the SQL that turns rows into objects with canonical fields, area by area, page by page. Rules:
it reads what is there, whatever it should be; of a submission only what its journal tells: when it
was accepted and, once it was opened, how it was judged (secrecy). Leaves out putting rows right
(`healing`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from typing import Final

from lpse.federation.state_objects import (
    APPLIED,
    BLOB,
    DECLARED,
    OUTAGE,
    PACKAGE,
    ROLLOUT,
    UPLOAD,
    Fields,
    ObjectKey,
    blob,
    declared,
    measured,
    schedule,
    step,
    submission,
)
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Row, Transaction, Value
from lpse.storage.state_tree import Listed

Named = tuple[str, Fields]

_SUBMISSIONS: Final = (
    "SELECT submission, commitment, accept_time, verdict, judged_revision, revealed"
    " FROM intake_submissions WHERE"
)
_BLOBS: Final = "SELECT item, digest, size_bytes FROM transfer_blobs WHERE"
_PACKAGES: Final = (
    "SELECT package, package, revision, cancelled, stages FROM schedule_packages"
    " WHERE revision > 0 AND"
)
_OUTAGES: Final = "SELECT number, number, kind, start_time, end_time FROM outage_measured WHERE"
_DECLARED: Final = (
    "SELECT outage, outage, national_index, applies, late FROM outage_declared"
    " WHERE outage NOT IN (SELECT outage FROM outage_unreadable) AND"
)
_ROLLOUTS: Final = (
    "SELECT rollout, rollout, version, state FROM upgrade_attempts a WHERE rollout <> '' AND"
    " attempt = (SELECT max(attempt) FROM upgrade_attempts b WHERE b.rollout = a.rollout) AND"
)
_NAME_OF_OUTAGE: Final = "measured/"


def page_in(tx: Transaction, area: str, after: str, limit: int) -> Listed:
    """Objects of one area behind a cursor, and the cursor behind them."""
    sql, column, number, _, made = _READERS[area]
    cursor = _cursor(after, number)
    rows = tx.execute(f"{sql} {column} > ? ORDER BY {column} LIMIT ?", (cursor, limit))
    last = str(rows[-1][0]) if rows else after
    return [made(row[1:]) for row in rows], last


def fields_in(tx: Transaction, keys: Collection[ObjectKey]) -> dict[ObjectKey, Fields]:
    """These objects as they stand; those that are not there are left out."""
    found: dict[ObjectKey, Fields] = {}
    for area, (sql, _, _, column, made) in _READERS.items():
        values = [_value(key) for key in keys if key.area == area]
        values = [one for one in values if one is not None]
        if not values:
            continue
        marks = ", ".join("?" * len(values))
        for row in tx.execute(f"{sql} {column} IN ({marks})", values):
            name, fields = made(row[1:])
            found[ObjectKey(area, name)] = fields
    return found


def _value(key: ObjectKey) -> Value:
    """What stands in the column for a name; None where nothing can."""
    try:
        if key.area in (UPLOAD, BLOB):
            return bytes.fromhex(key.name)
        if key.area == OUTAGE:
            return int(key.name.removeprefix(_NAME_OF_OUTAGE))
    except ValueError:
        return None
    return key.name


def _cursor(after: str, kind: type) -> Value:
    return int(after or 0) if kind is int else after


def _submission(row: Row) -> Named:
    commitment, accept, verdict, revision, revealed = row
    judged = (int(verdict), int(revision)) if revealed and revision else (0, 0)
    return bytes(commitment).hex(), submission(int(accept), *judged)


def _blob(row: Row) -> Named:
    digest, size = row
    return bytes(digest).hex(), blob(int(size))


def _package(row: Row) -> Named:
    package, revision, cancelled, stages = row
    spans: Sequence[tuple[int, int]] = [(start, end) for _, start, end in json.loads(stages)]
    return str(package), schedule(int(revision), bool(cancelled), spans)


def _outage(row: Row) -> Named:
    number, kind, start, end = row
    fields = measured(int(kind), int(start), None if end is None else int(end))
    return f"{_NAME_OF_OUTAGE}{number}", fields


def _declared(row: Row) -> Named:
    outage, index, applies, late = row
    outcome = APPLIED[0] if applies else APPLIED[1]
    return str(outage), declared(int(index), outcome, bool(late))


def _rollout(row: Row) -> Named:
    rollout, version, state = row
    return str(rollout), step(str(version), records.UpgradeState.Value(f"UPGRADE_STATE_{state}"))


# By area: statement, column of the cursor (in the order of the table: a walk must not jump about on
# the disk), its type, column of the name, row to object.
_READERS: Final[dict[str, tuple[str, str, type, str, Callable[[Row], Named]]]] = {
    UPLOAD: (_SUBMISSIONS, "submission", int, "commitment", _submission),
    BLOB: (_BLOBS, "item", int, "digest", _blob),
    PACKAGE: (_PACKAGES, "package", str, "package", _package),
    OUTAGE: (_OUTAGES, "number", int, "number", _outage),
    DECLARED: (_DECLARED, "outage", str, "outage", _declared),
    ROLLOUT: (_ROLLOUTS, "rollout", str, "rollout", _rollout),
}
