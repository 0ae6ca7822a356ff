"""The two probes of a node: can vendors use SPSE here, and does the node reach the centre?

Owns what counts as a good answer. Rule: whatever is wrong with an answer is an answer ("not well"),
never an exception. Leaves out how the service is asked (`ServiceLook`) and what follows from
answers (`rules`).
"""

from __future__ import annotations

from collections.abc import Callable

from regional_node.outages.ports import ServiceLook
from regional_node.outages.rules import Answer


class ServiceProbe:
    """Asks for the local SPSE's health page, as a vendor's browser would."""

    def __init__(
        self, service: ServiceLook, timeout_seconds: float, upgrading: Callable[[], bool]
    ) -> None:
        """`upgrading` says whether the node itself replaces the service now."""
        self._service = service
        self._timeout_seconds = timeout_seconds
        self._upgrading = upgrading

    async def look(self) -> Answer:
        """Good means that nothing speaks against the service within the time."""
        evidence = await self._service.complaint(self._timeout_seconds)
        return Answer(False, evidence, self._upgrading()) if evidence else Answer(True)


class LinkProbe:
    """Asks the link worker whether the centre is there."""

    def __init__(self, connected: Callable[[], bool]) -> None:
        self._connected = connected

    async def look(self) -> Answer:
        """Good means a session with the centre."""
        return Answer(True) if self._connected() else Answer(False, "no session with the centre")
