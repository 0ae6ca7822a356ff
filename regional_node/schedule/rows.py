"""Rows of the schedule's tables as values, and values as rows: the stored forms in one place.

Leaves out every statement (`store`, `proposal_store`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from lpse.federation.documents import parse_json
from lpse.federation.intervals import Interval
from lpse.federation.rule_sets import RuleSet, parse_rule_set
from lpse.federation.stages import Stage
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Row
from lpse.runtime.sqlite.instants import from_micros, to_micros
from regional_node.schedule.proposals import Proposal, ProposalState
from regional_node.schedule.rules import Hold

HOLD_COLUMNS: Final = "stage, due_time, outages, start_time, end_time, end_reason"
PROPOSAL_COLUMNS: Final = "state, record, counted, create_time, decision, decide_time"


def stages_text(stages: Sequence[Stage]) -> str:
    """Stages as stored."""
    return json.dumps(
        [[stage.name, to_micros(stage.start), to_micros(stage.end)] for stage in stages],
        ensure_ascii=False,
    )


@lru_cache(maxsize=1_024)
def stages_of(text: str) -> tuple[Stage, ...]:
    """Stored stages; in a rush every submission asks for those of the same few packages."""
    return tuple(
        Stage(name, from_micros(start), from_micros(end)) for name, start, end in json.loads(text)
    )


def spans_text(spans: Sequence[Interval]) -> str:
    """Closed intervals as stored."""
    return json.dumps([[to_micros(one.start), to_micros(one.end or one.start)] for one in spans])


@lru_cache(maxsize=256)
@lru_cache(maxsize=4096)
def spans_of(text: str) -> tuple[Interval, ...]:
    """Stored intervals; most packages have none."""
    return tuple(Interval(from_micros(start), from_micros(end)) for start, end in json.loads(text))


def rules_text(rules: RuleSet) -> str:
    """The rule set as it was at the announcement."""
    return json.dumps(rules.document(), ensure_ascii=False, sort_keys=True)


@lru_cache(maxsize=256)
def rules_of(text: str) -> RuleSet:
    """A stored rule set; packages share few of them."""
    return parse_rule_set(parse_json(text.encode("utf-8"), "stored rule set"))


def hold_of(row: Row) -> Hold:
    """A row of `HOLD_COLUMNS`."""
    stage, due, outages, start, end, reason = row
    return Hold(
        stage=stage,
        due=from_micros(due),
        outages=tuple(json.loads(outages)),
        start=from_micros(start),
        end=None if end is None else from_micros(end),
        end_reason=reason,
    )


def proposal_of(row: Row) -> Proposal:
    """A row of `PROPOSAL_COLUMNS`."""
    state, record, counted, created, decision, decided = row
    return Proposal(
        record=records.CompensationProposed.FromString(record),
        state=ProposalState(state),
        counted=spans_of(counted),
        create_time=from_micros(created),
        decision=None if decision is None else records.CompensationDecided.FromString(decision),
        decide_time=None if decided is None else from_micros(decided),
    )
