"""The form of a catalogue entry: what happened, what it means, what to do, in two languages.

Leaves out the entries themselves.
"""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
    """One error in one language."""

    title: str
    meaning: str
    remedy: str


class Entry(NamedTuple):
    """One error in both languages."""

    english: Told
    indonesian: Told

    def told(self, language: str) -> Told:
        """By language code; English for every one but `id`."""
        return self.indonesian if language == "id" else self.english


def entry(english: tuple[str, str, str], indonesian: tuple[str, str, str]) -> Entry:
    """An entry from two triples of title, meaning and remedy."""
    return Entry(Told(*english), Told(*indonesian))
