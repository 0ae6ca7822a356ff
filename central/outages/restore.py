"""Declared outages, taken up again from national entries that came back to a restored centre.

Rule: revisions keep their numbers, so the next declaration gets the next free one. Leaves out what
nodes reported about them: their journals bring that back.
"""

from __future__ import annotations

from central.national.restoring import Handler, Returned
from central.outages import rules
from central.plans.restore import applied_in
from lpse.federation.v1 import directives_pb2 as directives
from lpse.runtime.sqlite import Transaction
from lpse.runtime.sqlite.instants import to_micros


def handlers() -> dict[str, Handler]:
    """By kind."""
    return {"outage.revised": _revised_in}


def _revised_in(tx: Transaction, entry: Returned) -> None:
    record = entry.record
    assert isinstance(record, directives.OutageRevised)
    year, _, number = record.outage.removeprefix("outages/").partition("-")
    moment = to_micros(entry.record_time)
    tx.run(
        "INSERT INTO outages (outage, year, number, revision, state, publish_time)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (outage) DO UPDATE SET"
        " revision = excluded.revision, state = excluded.state,"
        " publish_time = excluded.publish_time WHERE excluded.revision > outages.revision",
        (
            *(record.outage, int(year), int(number), record.revision),
            *(rules.state_of(record).value, moment),
        ),
    )
    tx.run(
        "INSERT INTO outage_revisions (outage, revision, record, national_index, publish_time)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (outage, revision) DO NOTHING",
        (
            record.outage,
            record.revision,
            record.SerializeToString(deterministic=True),
            entry.index,
            moment,
        ),
    )
    applied_in(tx, record.plan_digest, record.outage)
