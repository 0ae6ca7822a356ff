"""The live sessions: one per node, found by node id.

Owns who is present. Rules: a newer valid session replaces the older one of the same node, but a
suspected clone never pushes out a sound session; one wake-up reaches every session that follows
the national journal; a lease is judged by the centre's monotonic clock. Leaves out what a session
does.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from central.fleet.ports import Presence
from central.link.session import Session
from central.link.store import LinkStore
from lpse.federation.errors import Conflict, NotFound, Refused, Unavailable
from lpse.federation.limits import LINK_DRAIN_SECONDS
from lpse.federation.v1 import link_pb2 as link
from lpse.runtime.channels import Subject
from lpse.runtime.clock import Clock


class Replaced(Unavailable):
    """A newer session of the same node took over."""

    def __init__(self) -> None:
        super().__init__("FED-2217", "a newer session of this node has taken over")


class Sessions:
    """Everybody who is present; implements the fleet's port `Links`."""

    def __init__(
        self, store: LinkStore, clock: Clock, lease_seconds: float, log: FilteringBoundLogger
    ) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease_seconds
        self._log = log
        self._sessions: dict[str, Session] = {}

    def enter(self, session: Session) -> None:
        """Make this the node's session; raises where a sound one must not be pushed out."""
        present = self._sessions.get(session.node_id)
        if present is not None:
            if session.quarantined and not present.quarantined:
                raise Conflict(
                    "FED-2214",
                    "this node is present already with a newer session token",
                    remedy="find the second machine that runs with this identity and stop it",
                )
            present.close(Replaced())
        self._sessions[session.node_id] = session

    def leave(self, session: Session) -> None:
        """The session has ended; a newer one stays."""
        if self._sessions.get(session.node_id) is session:
            del self._sessions[session.node_id]

    def wake_all(self) -> None:
        """The national journal has grown."""
        for session in self._sessions.values():
            session.wake()

    def advanced(self, node_id: str, epoch: bytes) -> None:
        """Entries of a node were projected."""
        session = self._sessions.get(node_id)
        if session is not None:
            session.advanced(epoch)

    def ask(self, node_id: str, wanted: link.BlobsWanted) -> bool:
        """Ask a node for sealed bytes again; False where none can flow from it now."""
        session = self._sessions.get(node_id)
        if session is None or session.quarantined:
            return False
        session.ask(wanted)
        return True

    def revoked(self, subject: Subject) -> None:
        """The node's access has ended: its stream ends at once."""
        session = self._sessions.get(subject.name) if subject.kind == "node" else None
        if session is not None:
            session.close(Refused("FED-2218", "the node's access was revoked"))

    def expire(self) -> int:
        """End every session whose lease has run out; how many."""
        now = self._clock.monotonic()
        late = [one for one in self._sessions.values() if now - one.last_frame > self._lease]
        for session in late:
            self._log.warning("link.lease_expired", node=session.node_id, code="FED-2219")
            session.close(Unavailable("FED-2219", "nothing was heard within the lease"))
            self.leave(session)
        return len(late)

    # --- what the fleet asks ---

    def presence(self, node_id: str) -> Presence | None:
        """What is outstanding; None while the node is not present."""
        session = self._sessions.get(node_id)
        return session.presence() if session is not None else None

    async def quarantine(self, node_id: str) -> link.Quarantine | None:
        """Why the node's entries do not flow."""
        row = await self._store.quarantine(node_id)
        return link.Quarantine(code=row.code, reason=row.reason) if row else None

    async def release(self, node_id: str, reason: str) -> None:
        """Accept the node's next hello whatever its token is, and ask it to say hello."""
        row = await self._store.quarantine(node_id)
        if row is None:
            raise NotFound("FED-2224", "this node is not under quarantine")
        if row.relation != link.HEAD_RELATION_CLONE_SUSPECT:
            raise Conflict(
                "FED-2225",
                "the node's journal and the centre's copy contradict each other",
                remedy="the node must open a new epoch: restore it with 'backup restore'",
            )
        await self._store.grant_amnesty(node_id)
        await self._store.quarantine_ends(node_id)
        self._log.warning("link.quarantine_released", node=node_id)
        session = self._sessions.get(node_id)
        if session is not None:
            session.drain(0.0, "the quarantine was released")

    async def drain(self, reason: str) -> int:
        """Send every node away, to come back at a random moment."""
        sessions = list(self._sessions.values())
        for session in sessions:
            session.drain(LINK_DRAIN_SECONDS, reason)
        self._log.info("link.drained", sessions=len(sessions))
        return len(sessions)
