"""The live sessions: one per node, found by node id, and perhaps a quarantined one beside it.

Owns who is present. Rules: a newer valid session replaces the older one of the same node, but only
when the older one is of the same start of the daemon, or shown to be gone: of two live holders the
later one is the clone. A quarantined session never pushes out a sound one, it stands beside it. One
wake-up reaches every session that follows the national journal; a lease is judged by the centre's
monotonic clock. Leaves out what a session does.
"""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from central.fleet.ports import Presence
from central.link.session import Session
from central.link.store import LinkStore
from lpse.federation.checkpoints import Head
from lpse.federation.errors import Conflict, NotFound, Refused, Unavailable
from lpse.federation.limits import LINK_DRAIN_SECONDS, LINK_HOLDER_RETRY_SECONDS
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
        self._beside: dict[str, Session] = {}  # quarantined, while a sound one is present

    def enter(self, session: Session) -> None:
        """Make this the node's session, or the one beside a sound one."""
        present = self._sessions.get(session.node_id)
        if present is not None and session.quarantined and not present.quarantined:
            session.beside = True
            other = self._beside.get(session.node_id)
            if other is not None:
                other.close(Replaced())
            self._beside[session.node_id] = session
            return
        if present is not None:
            present.close(Replaced())
        self._sessions[session.node_id] = session

    def leave(self, session: Session) -> None:
        """The session has ended; a newer one stays, and one beside it steps into its place."""
        node_id = session.node_id
        if self._beside.get(node_id) is session:
            del self._beside[node_id]
        if self._sessions.get(node_id) is not session:
            return
        del self._sessions[node_id]
        other = self._beside.pop(node_id, None)
        if other is not None:
            other.beside = False
            self._sessions[node_id] = other

    async def settle(self, node_id: str) -> None:
        """The quarantine was of a second holder only, and it is gone: nobody needs to say hello.

        Called under the node's turn, so that no hello is being judged meanwhile.
        """
        if not self.is_sound(node_id) or self.shadowed(node_id):
            return
        if await self._store.quarantine(node_id) is not None:
            await self._store.quarantine_ends(node_id)
            self._log.warning("link.quarantine_ended", node=node_id)

    async def rival(self, node_id: str, boot_id: bytes) -> bool:
        """Whether another start of this node is connected, sound and alive.

        Unavailable (FED-2240) while that is not known: the caller comes back a little later.
        """
        present = self._sessions.get(node_id)
        if present is None or present.quarantined or present.boot_id == boot_id:
            return False
        alive = await present.alive()
        if alive is None:
            error = Unavailable(
                "FED-2240", "this node is connected already; whether it lives is being asked"
            )
            error.retry_after_seconds = LINK_HOLDER_RETRY_SECONDS
            raise error
        if alive:
            self._log.warning("link.second_holder", node=node_id, code="FED-2214")
        return alive

    def shadowed(self, node_id: str) -> bool:
        """Whether a quarantined holder is connected beside the sound one."""
        return node_id in self._beside

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

    def ask_bundle(self, node_id: str, wanted: link.BundleWanted) -> bool:
        """Ask a node for a lost bundle; False where none can come from it now."""
        session = self._sessions.get(node_id)
        if session is None or session.quarantined:
            return False
        session.ask_bundle(wanted)
        return True

    def sound(self) -> list[str]:
        """Nodes whose entries flow now, by id."""
        return sorted(one for one in self._sessions if self.is_sound(one))

    def revoked(self, subject: Subject) -> None:
        """The node's access has ended: its stream ends at once."""
        if subject.kind != "node":
            return
        for session in (self._sessions.get(subject.name), self._beside.get(subject.name)):
            if session is not None:
                session.close(Refused("FED-2218", "the node's access was revoked"))

    def expire(self) -> int:
        """End every session whose lease has run out; how many."""
        now = self._clock.monotonic()
        present = [*self._sessions.values(), *self._beside.values()]
        late = [one for one in present if now - one.last_frame > self._lease]
        for session in late:
            self._log.warning("link.lease_expired", node=session.node_id, code="FED-2219")
            session.close(Unavailable("FED-2219", "nothing was heard within the lease"))
            self.leave(session)
        return len(late)

    def is_sound(self, node_id: str) -> bool:
        """Whether a session of this node is open whose entries flow."""
        session = self._sessions.get(node_id)
        return session is not None and not session.quarantined

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
        present = self._sessions.get(node_id)
        if present is None or present.quarantined:
            await self._store.grant_amnesty(node_id)  # else any holder could come in by it
        await self._store.forget_contradiction(node_id)
        await self._store.quarantine_ends(node_id)
        self._log.warning("link.quarantine_released", node=node_id)
        self._call_again(node_id, "the quarantine was released")

    async def proved(self, held: Head) -> bool:
        """A node showed the copy's root as its own: whether it may send the entries once more."""
        if not await self._store.proved(held):
            return False
        self._log.warning("link.quarantine_ended", node=held.party)
        self._call_again(held.party, "the journal continues the copy")
        return True

    def _call_again(self, node_id: str, reason: str) -> None:
        """Ask whoever is kept under quarantine to say hello."""
        for session in (self._sessions.get(node_id), self._beside.get(node_id)):
            if session is not None and session.quarantined:
                session.drain(0.0, reason)

    async def drain(self, reason: str) -> int:
        """Send every node away, to come back at a random moment."""
        sessions = [*self._sessions.values(), *self._beside.values()]
        for session in sessions:
            session.drain(LINK_DRAIN_SECONDS, reason)
        self._log.info("link.drained", sessions=len(sessions))
        return len(sessions)
