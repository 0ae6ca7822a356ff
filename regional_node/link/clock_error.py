"""How wrong this node's clock may be, as its last contacts with the centre showed.

Owns the bound that verdicts use. Rule: the bound outlives the session that measured it; before the
first contact it is 0, the clock of the machine taken at its word. Leaves out measuring (`session`).
"""

from __future__ import annotations

from regional_node.link.state import LinkState


class LinkClockError:
    """See the module's first lines."""

    def __init__(self, state: LinkState) -> None:
        self._state = state
        self._last_seconds = 0.0

    def error_seconds(self) -> float:
        """Largest plausible difference from the centre's clock, in seconds."""
        session = self._state.session
        if session is not None:
            self._last_seconds = abs(session.clock_offset_seconds)
        return self._last_seconds
