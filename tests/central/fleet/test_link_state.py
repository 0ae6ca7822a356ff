"""The link of a node is judged by the centre's clock, from facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from central.fleet.rules import LinkFacts, LinkState, link_state

NOW = datetime(2015, 3, 27, tzinfo=UTC)
SOUND = LinkFacts(True, False, 0, 0, None)


def test_the_four_words_of_the_link() -> None:
    """Tersambung, menyusul, tertunda, terputus."""
    assert link_state(SOUND, NOW) == LinkState.LINK_STATE_CONNECTED
    behind = replace(SOUND, queue_entries=3, behind_since=NOW)
    assert link_state(behind, NOW) == LinkState.LINK_STATE_CATCHING_UP
    later = NOW + timedelta(hours=1)
    assert link_state(behind, later) == LinkState.LINK_STATE_LAGGING
    assert link_state(replace(behind, present=False), NOW) == LinkState.LINK_STATE_DISCONNECTED
    assert link_state(replace(SOUND, quarantined=True), NOW) == LinkState.LINK_STATE_LAGGING
