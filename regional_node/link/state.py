"""What the node knows about its link now, for the session, the worker and everybody who looks.

Owns the in-memory copy of what `store` keeps, and the phase. Rule: nothing here decides whether
the node takes uploads (Invariant 4). Leaves out the wire.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from lpse.federation.checkpoints import Head
from lpse.federation.errors import Refused
from lpse.federation.v1 import link_pb2 as wire
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from lpse.storage.journal import Journal
from regional_node.link.rules import Phase, PhaseFacts, phase
from regional_node.link.store import Acknowledged, Attempt, LinkStore, StateRow


@dataclass(slots=True)
class Session:
    """What is known while a session lives."""

    since: datetime
    quarantine_code: str = ""
    quarantine_reason: str = ""
    centre_national_size: int = 0
    relation: wire.HeadRelation.ValueType = wire.HEAD_RELATION_UNSPECIFIED
    stored_head: Head | None = None  # of the present epoch, as the centre showed it at hello
    other_epoch_head: Head | None = None  # of the node's newest other epoch, as shown at hello
    national_relation: str = ""  # "equal", "behind", "rewound" or "forked", as judged here
    protocol: int = 1
    clock_offset_seconds: float = 0.0


class LinkState:
    """See the module's first lines; `open` must have returned before anything else."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self.store = LinkStore(database)
        self.session: Session | None = None
        self.refused = False
        self.cause = ""  # what the last failure said
        self.away_below = 0  # national entries below it were written before this session began
        self.since: datetime | None = None
        self._database = database
        self._journal = journal
        self._row: StateRow | None = None
        self._listeners: list[Callable[[], None]] = []
        self._losses: list[Callable[[], Awaitable[object]]] = []

    def on_session(self, callback: Callable[[], None]) -> None:
        """Call back whenever a session has begun, or the centre contradicted the copy in one."""
        self._listeners.append(callback)

    def on_loss(self, callback: Callable[[], Awaitable[object]]) -> None:
        """Wait for this before it is forgotten that the centre had acknowledged more.

        A kill in between must not hide from the next start what the centre has lost.
        """
        self._losses.append(callback)

    def told(self) -> None:
        """The centre has shown how it stands."""
        for callback in self._listeners:
            callback()

    async def open(self) -> None:
        """Take up what outlived the restart."""
        self._row = await self.store.load()

    @property
    def row(self) -> StateRow:
        """What is durable."""
        assert self._row is not None, "the link's state is not open"
        return self._row

    @property
    def stored_head(self) -> Head | None:
        """Newest own head that the centre acknowledged as STORED; of any epoch."""
        return self.row.stored_head

    @property
    def stored_size(self) -> int:
        """Own entries of the present epoch that the centre holds durably."""
        head = self.row.stored_head
        return head.size if head is not None and head.epoch == self._journal.epoch else 0

    @property
    def queue_entries(self) -> int:
        """Own entries that the centre has not acknowledged as STORED."""
        return max(0, self._journal.head.size - self.stored_size)

    def phase(self, national_size: int) -> Phase.ValueType:
        """One word for now."""
        session = self.session
        behind = max(0, session.centre_national_size - national_size) if session else 0
        stopped = bool(session and session.quarantine_code) or self.row.contradiction is not None
        return phase(
            PhaseFacts(
                paused=bool(self.row.pause_reason),
                present=session is not None,
                refused=self.refused,
                quarantined=stopped,
                queue_entries=self.queue_entries,
                national_behind=behind,
            )
        )

    async def keep_protocol(self, protocol: int) -> None:
        """What the last session was of."""
        await self.store.keep_protocol(protocol)
        self._row = replace(self.row, protocol=protocol)

    async def take_token(self, number: int, value: bytes) -> None:
        """Durable when this returns; then it may be confirmed."""
        await self.store.keep_token(number, value)
        self._row = replace(self.row, token_number=number, token_value=value)

    async def take_ack(self, ack: Acknowledged) -> None:
        """The centre said what it holds."""
        before = self.row.stored_head
        if before is not None and _lower(ack.stored_head, before):
            for callback in self._losses:
                await callback()
        await self.store.keep_ack(ack)
        self._row = replace(
            self.row,
            stored_head=ack.stored_head,
            applied_size=ack.applied_size,
            parked=ack.parked,
        )

    async def alive(self, moment: datetime) -> None:
        """The link is up at this moment."""
        await self.store.keep_alive(moment)
        self._row = replace(self.row, end_time=moment, ever_connected=True)

    async def pause(self, reason: str) -> None:
        """Keep the link closed until resumed, over restarts too."""
        if not reason.strip():
            raise Refused("FED-2230", "a pause of the link needs a reason")
        await self.store.keep_pause(reason)
        self._row = replace(self.row, pause_reason=reason)

    async def resume(self) -> None:
        """Let the link open again."""
        await self.store.keep_pause("")
        self._row = replace(self.row, pause_reason="")

    async def contradicted(self, record: records.CentreContradicted) -> bool:
        """Journal the contradiction unless it is the one journalled last; whether it was new."""
        if self.row.contradiction == record:
            return False

        def work(tx: Transaction) -> None:
            self._journal.append_in(tx, record)
            self.store.keep_contradiction_in(tx, record)

        await self._database.write(work)
        self._row = replace(self.row, contradiction=record)
        return True

    async def agreed(self) -> None:
        """The centre shows what this node holds, or more."""
        if self.row.contradiction is not None:
            await self.store.forget_contradiction()
            self._row = replace(self.row, contradiction=None)

    async def attempted(self, attempt: Attempt) -> None:
        """Remember one attempt."""
        await self.store.add_attempt(attempt)


def _lower(shown: Head, before: Head) -> bool:
    """Whether the centre holds less of an epoch than it had acknowledged."""
    return shown.epoch == before.epoch and shown.size < before.size
