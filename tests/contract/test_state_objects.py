"""The journal's word about an object is the same wherever it is folded."""

from __future__ import annotations

import json

from google.protobuf.message import Message

from lpse.federation.limits import OBJECT_FIELDS_BYTES_MAX
from lpse.federation.state_objects import (
    BLOB,
    DECLARED,
    OUTAGE,
    PACKAGE,
    ROLLOUT,
    UPLOAD,
    Fields,
    ObjectKey,
    canonical,
    fold,
)
from lpse.federation.v1 import records_pb2 as records

COMMITMENT = bytes(32)


def folded(*listed: Message) -> dict[ObjectKey, Fields]:
    state: dict[ObjectKey, Fields] = {}
    for record in listed:
        fold(state, record)
    return state


def accepted(digest: bytes = bytes(32)) -> records.UploadAccepted:
    record = records.UploadAccepted(commitment=COMMITMENT)
    record.blobs.add(digest=digest, size_bytes=7)
    record.accept_time.seconds = 3
    return record


def scheduled(revision: int) -> records.PackageScheduled:
    record = records.PackageScheduled(package="101", revision=revision)
    stage = record.stages.add(stage="4")
    stage.start_time.seconds, stage.end_time.seconds = 1, 2
    return record


def test_a_submission_is_an_upload_and_its_blobs() -> None:
    """When, and how large; before the opening nothing tells whose."""
    assert folded(accepted()) == {
        ObjectKey(UPLOAD, "00" * 32): {"accept": 3_000_000, "verdict": 0, "revision": 0},
        ObjectKey(BLOB, "00" * 32): {"size": 7},
    }


def test_a_verdict_is_the_newest_one() -> None:
    """Each schedule revision judges again; an entry that comes twice changes nothing."""
    judged = [
        records.UploadJudged(commitment=COMMITMENT, verdict=verdict, schedule_revision=revision)
        for verdict, revision in ((records.VERDICT_LATE, 1), (records.VERDICT_ON_TIME, 2))
    ]
    state = folded(accepted(), *judged, accepted())
    assert state[ObjectKey(UPLOAD, "00" * 32)] == {
        "accept": 3_000_000,
        "verdict": records.VERDICT_ON_TIME,
        "revision": 2,
    }


def test_a_schedule_is_the_newest_revision_and_whether_it_was_cancelled() -> None:
    """A decision to cancel stays true under a later revision."""
    cancel = records.CompensationDecided(package="101", decision=records.DECISION_CANCEL)
    state = folded(scheduled(1), scheduled(2), cancel)
    assert state[ObjectKey(PACKAGE, "101")] == {
        "revision": 2,
        "cancelled": True,
        "stages": [[1_000_000, 2_000_000]],
    }
    assert folded(cancel) == {}


def test_a_measured_outage_is_its_span() -> None:
    """Written at the start and again at the end: the last word counts."""
    begun = records.OutageMeasured(outage="measured/1", kind=records.MEASURED_KIND_LINK)
    begun.start_time.seconds = 5
    ended = records.OutageMeasured()
    ended.CopyFrom(begun)
    ended.end_time.seconds = 9
    key = ObjectKey(OUTAGE, "measured/1")
    assert folded(begun)[key]["end"] is None
    assert folded(begun, ended)[key]["end"] == 9_000_000


def test_a_declaration_that_could_not_be_read_is_no_object() -> None:
    """The node has no row for it; the next revision may be readable."""
    told = [
        records.DirectiveApplied(
            national_index=index, directive="outage.revised", subject="outages/1", outcome=outcome
        )
        for index, outcome in ((4, "applied"), (6, "unreadable"), (8, "applied"))
    ]
    key = ObjectKey(DECLARED, "outages/1")
    assert folded(told[0])[key]["index"] == 4
    assert folded(*told[:2]) == {}
    assert folded(*told)[key]["index"] == 8
    assert folded(told[2], told[0])[key]["index"] == 8


def test_an_upgrade_stands_where_its_newest_step_says() -> None:
    """Steps without a rollout are the node's own first installation."""
    steps = [
        records.UpgradeStepped(rollout="rollouts/a", to_version="3.6", state=state)
        for state in (records.UPGRADE_STATE_RECEIVED, records.UPGRADE_STATE_HELD)
    ]
    own = records.UpgradeStepped(to_version="3.6", state=records.UPGRADE_STATE_APPLIED)
    assert folded(own, *steps) == {
        ObjectKey(ROLLOUT, "rollouts/a"): {"version": "3.6", "state": records.UPGRADE_STATE_HELD}
    }


def test_other_kinds_are_no_objects() -> None:
    """What no table of the other side holds is not compared."""
    assert folded(records.HoldEnded(package="101"), records.ClockStepped()) == {}


def test_fields_are_canonical_and_bounded() -> None:
    """The same bytes on both sides; very long ones are compared by their digest."""
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()
    long = canonical({"stages": [[number, number] for number in range(5_000)]})
    assert len(long) < OBJECT_FIELDS_BYTES_MAX
    assert set(json.loads(long)) == {"sha256"}


def test_only_wanted_objects_are_folded() -> None:
    """A look at one object reads a whole journal and keeps nothing else."""
    state: dict[ObjectKey, Fields] = {}
    fold(state, accepted(), [ObjectKey(BLOB, "00" * 32)])
    assert list(state) == [ObjectKey(BLOB, "00" * 32)]
