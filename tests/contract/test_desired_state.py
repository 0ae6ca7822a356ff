"""The fold of the national journal gives the same desired state on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from lpse.federation import kinds
from lpse.federation.desired_snapshot import SnapshotUnreadable, decode_state, encode_state
from lpse.federation.desired_state import DesiredState, NodeFacts, fold
from lpse.federation.limits import GUARD_WINDOW_SECONDS
from lpse.federation.v1 import directives_pb2 as d

ME = NodeFacts("lpse-pacitan", "ID-JI", "Asia/Jakarta", frozenset({"ADP"}))
OTHER = NodeFacts("lpse-banjar", "ID-KS", "Asia/Makassar")


def _all(
    entries: Sequence[Message], me: NodeFacts = ME, start: DesiredState | None = None
) -> DesiredState:
    state = start or DesiredState()
    for index, record in enumerate(entries, state.size):
        state = fold(state, index, kinds.kind_of(record), record, me)
    return state


def _release(version: str = "3.6") -> d.ReleasePublished:
    return d.ReleasePublished(
        version=version, from_versions=["3.0"], bundle_digest=b"b" * 32, bundle_bytes=7
    )


def _rollout(version: str = "3.6", name: str = "rollouts/a") -> d.RolloutApplied:
    waves = [
        d.RolloutWave(wave="canary", node_ids=["lpse-banjar"]),
        d.RolloutWave(wave="rest", node_ids=["lpse-pacitan", "lpse-madiun"]),
    ]
    return d.RolloutApplied(rollout=name, version=version, waves=waves, soak_seconds=3)


def _opened(index: int, name: str = "rollouts/a") -> d.RolloutWaveOpened:
    return d.RolloutWaveOpened(rollout=name, wave_index=index)


def _outage(revision: int = 1, **fields: Any) -> d.OutageRevised:
    outage = d.OutageRevised(
        outage="outages/2015-0001",
        revision=revision,
        act=d.OUTAGE_ACT_DECLARE,
        scope=d.OUTAGE_SCOPE_NATIONAL,
    )
    for key, value in fields.items():
        if isinstance(value, list):
            getattr(outage, key).extend(value)
        else:
            setattr(outage, key, value)
    return outage


def test_a_release_is_desired_only_when_the_nodes_own_wave_is_open() -> None:
    """A rollout names a node; the wave that opens for it sends it."""
    waiting = _all([_release(), _rollout(), _opened(0)]).release
    assert waiting is not None
    assert (waiting.version, waiting.wave, waiting.wave_open) == ("3.6", "rest", False)
    assert waiting.guard_window_seconds == GUARD_WINDOW_SECONDS
    opened = _all([_release(), _rollout(), _opened(0), _opened(1)]).release
    assert opened is not None
    assert opened.wave_open
    assert opened.national_index == 3
    assert _all([_release(), _rollout(), _opened(0)], OTHER).release.wave_open  # type: ignore[union-attr] # there is one
    assert _all([_release(), _rollout()], NodeFacts("x", "ID-JK", "UTC")).release is None


def test_a_stopped_rollout_or_withdrawn_release_says_do_not_start() -> None:
    """Neither sends a node anywhere else by itself."""
    begun = [_release(), _rollout(), _opened(1)]
    stopped = d.RolloutStateChanged(rollout="rollouts/a", state=d.ROLLOUT_STATE_STOPPED)
    again = d.RolloutStateChanged(rollout="rollouts/a", state=d.ROLLOUT_STATE_RUNNING)
    for ending in ([stopped], [stopped, again], [d.ReleaseWithdrawn(version="3.6")]):
        release = _all([*begun, *ending]).release
        assert release is not None
        assert release.state == d.ROLLOUT_STATE_STOPPED


def test_the_rollout_that_reached_the_node_last_counts() -> None:
    """A newer plan whose wave is not open yet does not take the older one away."""
    later = [
        _release("3.0"),
        _release("3.6"),
        _rollout("3.0", "rollouts/old"),
        _opened(1, "rollouts/old"),
        _rollout("3.6", "rollouts/new"),
    ]
    assert _all(later).release.version == "3.0"  # type: ignore[union-attr] # there is one
    assert _all([*later, _opened(1, "rollouts/new")]).release.version == "3.6"  # type: ignore[union-attr] # there is one


def test_a_release_is_immutable() -> None:
    """A second entry of the same version changes nothing."""
    second = _release()
    second.bundle_digest = b"x" * 32
    state = _all([_release(), second, _rollout(), _opened(1)])
    assert state.release is not None
    assert state.release.bundle_digest == b"b" * 32


@pytest.mark.parametrize(
    ("fields", "applies"),
    [
        ({}, True),
        ({"scope": d.OUTAGE_SCOPE_PROVINCE, "province": "ID-JI"}, True),
        ({"scope": d.OUTAGE_SCOPE_PROVINCE, "province": "ID-KS"}, False),
        ({"scope": d.OUTAGE_SCOPE_NODES, "node_ids": ["lpse-pacitan"]}, True),
        ({"scope": d.OUTAGE_SCOPE_NODES, "node_ids": ["lpse-banjar"]}, False),
        ({"scope": d.OUTAGE_SCOPE_SERVICE, "services": ["ADP"]}, True),
        ({"scope": d.OUTAGE_SCOPE_SERVICE, "services": ["SIKaP"]}, False),
        ({"scope": d.OUTAGE_SCOPE_UNSPECIFIED}, False),
    ],
)
def test_an_outage_applies_by_its_scope(fields: dict[str, Any], applies: bool) -> None:
    """Only declarations that speak to this node are among its outages."""
    assert bool(_all([_outage(**fields)]).outages) is applies


def test_the_highest_revision_of_an_outage_counts_and_may_move_away() -> None:
    """An amendment that no longer names this node takes the outage from it; an old one nothing."""
    away = _outage(3, scope=d.OUTAGE_SCOPE_PROVINCE, province="ID-KS")
    state = _all([_outage(1), _outage(2, reason="two"), _outage(1, reason="late")])
    assert state.outages["outages/2015-0001"].record.reason == "two"
    assert state.outages["outages/2015-0001"].national_index == 1
    moved = _all([_outage(1), away, _outage(2)])
    assert not moved.outages
    assert moved.elsewhere["outages/2015-0001"].record.revision == 3


def test_calendars_count_by_revision_and_province() -> None:
    """A regional addition of another province is not for this node."""
    years = [
        d.CalendarPublished(year=2015, revision=2, holidays=["2015-04-03"]),
        d.CalendarPublished(year=2015, revision=1),
        d.CalendarPublished(year=2015, revision=1, province="ID-KS"),
        d.CalendarPublished(year=2015, revision=1, province="ID-JI"),
    ]
    state = _all(years)
    assert set(state.calendars) == {"2015", "2015/ID-JI"}
    assert state.calendars["2015"].revision == 2


def test_an_unknown_kind_pins_the_state_and_the_rest_still_counts() -> None:
    """Invariant 10: what cannot be understood blocks nothing, and is found again later."""
    state = _all([_release()])
    state = fold(state, 1, "future.kind", None, ME)
    state = fold(state, 2, "outage.revised", None, ME)  # known, but unreadable
    state = fold(state, 3, "policy.published", d.PolicyPublished(guard_window_seconds=5), ME)
    assert (state.pinned_at, state.applied_size, state.size) == (1, 1, 4)
    assert [one.unknown_kind for one in state.skipped] == [True, False]
    assert state.policy.guard_window_seconds == 5


def test_folding_an_entry_again_changes_nothing() -> None:
    """Invariant 3: an index below the size is recognised."""
    state = _all([_release(), _rollout(), _opened(1)])
    assert fold(state, 2, "rollout.wave_opened", _opened(1), ME) is state


_ENTRIES: list[Message] = [
    _release("3.0"),
    _release("3.6"),
    _rollout("3.0", "rollouts/old"),
    _rollout("3.6", "rollouts/new"),
    _opened(0, "rollouts/old"),
    _opened(1, "rollouts/new"),
    _outage(1),
    _outage(2, scope=d.OUTAGE_SCOPE_NODES, node_ids=["lpse-banjar"]),
    d.CalendarPublished(year=2015, revision=1),
    d.RuleSetPublished(rule_set="perka-1-2015", document=b"{}"),
    d.PolicyPublished(guard_window_seconds=3, blob_policy=d.BLOB_POLICY_MANIFEST_ONLY),
    d.OperatorAdded(operator="ani", role="operator", signing_key=b"k" * 32),
    d.OperatorRevoked(operator="ani"),
    d.NodeRevoked(node_id="lpse-pacitan"),
    d.Beacon(nonce=b"n" * 32),
]


@given(st.lists(st.sampled_from(_ENTRIES), max_size=25), st.integers(0, 25))
def test_a_snapshot_anywhere_gives_the_same_state(entries: list[Message], cut: int) -> None:
    """Invariant 3: stored and read back in the middle, the fold ends at the same state."""
    middle = _all(entries[:cut])
    again = decode_state(encode_state(middle))
    assert again == middle
    assert _all(entries[cut:], start=again) == _all(entries)


def test_a_snapshot_of_another_format_is_refused() -> None:
    """The caller folds again from the first entry instead of guessing."""
    for data in (b"", b"{}", b"[]", b'{"format":2}', encode_state(DesiredState())[:-5]):
        with pytest.raises(SnapshotUnreadable):
            decode_state(data)


def test_the_size_alone_may_be_stored_beside_the_snapshot() -> None:
    """Beacons change nothing but the size."""
    state = _all([_release()])
    lit = _all([d.Beacon()], start=state)
    assert lit == replace(state, size=2)
