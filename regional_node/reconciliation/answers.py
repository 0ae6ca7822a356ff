"""Which entries of this node's log have been answered since, and by what: pure.

Owns the meeting of questions and answers. Rules: an answer closes what asked the same question
before it, and where it lasts also what asks it later; a person's resolution answers the question
of its entry. Leaves out what a question is (`lpse.federation.reconciliation_topics`).
"""

from __future__ import annotations

from collections.abc import Mapping

from lpse.federation.reconciliation_topics import topic
from lpse.federation.v1 import records_pb2 as records

Place = tuple[int, int]  # number of the run, place in it


class Answers:
    """Every answer in the log of one node; fed with runs in any order."""

    def __init__(self, node_id: str, resolutions: Mapping[Place, str]) -> None:
        self._node_id = node_id
        self._resolutions = resolutions
        self._found: dict[bytes, list[tuple[Place, str, bool]]] = {}

    def add(self, number: int, record: records.ReconciliationRecorded) -> None:
        """Take the answers of a run."""
        for at, entry in enumerate(record.entries):
            found = topic(self._node_id, entry)
            if found is None:
                continue
            by = self._resolutions.get((number, at), "")
            if not found.asks:
                by = record.run
            if by:
                answer = ((number, at), by, found.lasting)
                self._found.setdefault(found.digest, []).append(answer)

    def to(self, number: int, at: int, entry: records.ReconciliationEntry) -> str:
        """What answered an entry that asks; empty where nothing did."""
        found = topic(self._node_id, entry)
        if found is None:
            return ""
        fitting = [
            (place, by)
            for place, by, lasting in self._found.get(found.digest, ())
            if lasting or place >= (number, at)
        ]
        return min(fitting)[1] if fitting else ""
