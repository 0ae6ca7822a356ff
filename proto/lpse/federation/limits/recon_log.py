"""Limits of the reconciliation log: filters, pages, counts, watches and exports.

Rule: one line above each says what happens there. Leaves out the limits of a run (`journals`).
"""

from __future__ import annotations

from typing import Final

# Alternatives in one list of a filter; more are refused.
LOG_FILTER_VALUES_MAX: Final = 64
# One value of a filter; a longer one is refused.
LOG_FILTER_VALUE_CHARACTERS_MAX: Final = 120
# Words of a filter's text; more are refused.
LOG_FILTER_WORDS_MAX: Final = 16
# Characters before the "*" of a word; fewer are refused, for they would stand for half the log.
LOG_PREFIX_CHARACTERS_MIN: Final = 3
# Characters of a word that are indexed; the rest of a longer one is not looked at.
LOG_WORD_CHARACTERS_MAX: Final = 64
# Counts are exact up to this; beyond it they say "at least".
LOG_COUNT_EXACT_MAX: Final = 10_000
# Values listed per facet, the most frequent first; the rest is not listed.
LOG_FACET_VALUES_MAX: Final = 50
# A span of dates is narrowed by the index up to so many years, by reading the rows beyond.
LOG_SPAN_YEARS_MAX: Final = 50
# Entries are read in steps of so many.
LOG_STEP_ROWS: Final = 500
# Seconds between two looks for a reader who follows the log.
LOG_WATCH_SECONDS: Final = 1.0
# Readers who follow the log at the same time; one more is told to come back.
LOG_WATCHES_MAX: Final = 64
# Room for the header at the front of an export; a filter that does not fit is refused.
EXPORT_HEADER_BYTES: Final = 32_768
# Bytes of an export sent in one piece, about.
EXPORT_PIECE_BYTES: Final = 262_144
# One line of an export; a longer one is refused when it is verified.
EXPORT_LINE_BYTES_MAX: Final = 4_194_304
# Exports at the same time; one more is told to come back.
EXPORTS_MAX: Final = 4
# Runs of one name that a refusal of the short name tells; the rest is counted.
RUN_NAMES_TOLD_MAX: Final = 8
# Leaves of journals' trees kept in memory for proofs, 64 bytes each; the oldest trees go first.
KEPT_TREE_LEAVES_MAX: Final = 1_500_000
