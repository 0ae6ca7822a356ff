"""What the centre takes from a run that a node recorded: pure.

Owns the check of a received run. Rule: a node names its own runs alone, and nothing that it writes
can make a list of runs unreadable for everybody. Leaves out whether the run is true.
"""

from __future__ import annotations

from math import isfinite

from lpse.federation.entries import moment
from lpse.federation.errors import FederationError, Refused
from lpse.federation.intervals import to_utc
from lpse.federation.v1.records_pb2 import ReconciliationRecorded


def check_run(record: ReconciliationRecorded, node_id: str) -> None:
    """Raise Refused (FED-7003) for a run that this node cannot have recorded."""
    number = record.run.removeprefix(f"recon/{node_id}/")
    if number == record.run or not (number.isascii() and number.isdigit()) or len(number) > 15:
        raise _refused("its name is not one of this node's")
    seconds = (record.wait_seconds, record.link_down_seconds, record.duration_seconds)
    if not all(map(isfinite, seconds)):
        raise _refused("a duration is not a number of seconds")
    try:
        for time in (record.begin_time, record.legal_time):
            to_utc(moment(time))
    except FederationError as error:
        raise _refused("a time is outside of the calendar") from error


def _refused(detail: str) -> Refused:
    return Refused("FED-7003", f"the recorded run cannot be used: {detail}")
