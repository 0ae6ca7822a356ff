"""Whom the centre asks for a lost bundle, decided from what is known."""

from __future__ import annotations

from central.releases.lost_rules import Asked, Lost, Search, next_node
from lpse.federation.limits import (
    BUNDLE_ANSWER_SECONDS,
    BUNDLE_ASK_AGAIN_SECONDS,
    BUNDLE_BRINGING_SECONDS_MAX,
)

LOST = Lost("3.6", bytes(32), 1_000, "MISSING", 1)


def _search(reached: int, here: int, first: float = 0.0) -> Search:
    """One node was asked at 100 s, when `reached` bytes were here; by now it is `here`."""
    return Search(LOST, Asked("lpse-b", first, 100.0, reached, here))


def _next(search: Search, *present: str, now: float = 1_000.0) -> str | None:
    return next_node(search, present, (), {}, now)


def test_an_asked_node_has_its_time_and_a_stream_half_a_day() -> None:
    """Nobody else is asked while one may still begin, or is bringing; a trickle ends as well."""
    search = _search(0, 0)
    assert search.waits(99.0 + BUNDLE_ANSWER_SECONDS)
    assert not search.waits(100.0 + BUNDLE_ANSWER_SECONDS)
    assert search.asked is not None
    search.asked.streams = 1
    assert search.waits(BUNDLE_BRINGING_SECONDS_MAX - 1.0)
    assert not search.waits(float(BUNDLE_BRINGING_SECONDS_MAX))


def test_who_got_on_goes_on() -> None:
    """A cut in the middle does not send the centre to another node, unless the first one left."""
    assert _next(_search(0, 500), "lpse-a", "lpse-b") == "lpse-b"
    assert _next(_search(0, 500), "lpse-a") == "lpse-a"
    assert _next(_search(500, 500), "lpse-a", "lpse-b") == "lpse-a"
    assert _next(_search(500, 500), "lpse-b") is None


def test_nobody_keeps_a_bundle_to_himself_by_trickling() -> None:
    """Invariant 12: progress counts for half a day and no longer."""
    search = _search(0, 500)
    assert _next(search, "lpse-a", "lpse-b", now=BUNDLE_BRINGING_SECONDS_MAX - 1.0) == "lpse-b"
    assert _next(search, "lpse-a", "lpse-b", now=float(BUNDLE_BRINGING_SECONDS_MAX)) == "lpse-a"


def test_who_runs_the_release_is_asked_first_and_nobody_twice_in_an_hour() -> None:
    """The version that a service reports is a hint where the bundle lies, and no more."""
    search = Search(LOST)
    runs = {"lpse-a": "3.0", "lpse-c": "3.6"}
    present = ("lpse-a", "lpse-b", "lpse-c")
    assert next_node(search, present, (), runs, 0.0) == "lpse-c"
    assert next_node(search, present, {"lpse-c"}, runs, 0.0) == "lpse-a"
    search.tried["lpse-c"] = 0.0
    assert next_node(search, present, (), runs, BUNDLE_ASK_AGAIN_SECONDS - 1) == "lpse-a"
    assert next_node(search, present, (), runs, BUNDLE_ASK_AGAIN_SECONDS) == "lpse-c"
