"""Entries that wait for their details get them: from the escrow, from a code, from a receipt.

Owns the ways in which `restore_sealed` empties. Rules: a receipt counts only with a signature of
this node, the present key's or a former one's; an entry is completed in the transaction in which it
ceases to wait; what a code opened is told as a run. Leaves out rows (`intake.restore_store`) and
who may ask (`service`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from lpse.federation.errors import Conflict, FederationError, Refused
from lpse.federation.key_history import key_of
from lpse.federation.limits import RESTORE_SEALED_PAGE
from lpse.federation.notes import Verifier
from lpse.federation.receipt_proofs import verify_sole_receipt
from lpse.federation.recovery_code import read_code
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime.sqlite import Database, Transaction
from regional_node.identity import escrow as escrow_files
from regional_node.identity.escrow import EscrowKeys
from regional_node.intake import sealed_store
from regional_node.intake.restore_store import IntakeRestorer
from regional_node.intake.sealed_store import Parked
from regional_node.reconciliation.decided import DecidedRuns
from regional_node.recovery.restoring import telling
from regional_node.recovery.restoring.table import Restorers


@dataclass(frozen=True, slots=True)
class Parts:
    """What completing needs; `verifiers` are this node's keys, the present one first."""

    database: Database
    restorers: Restorers
    intake: IntakeRestorer
    runs: DecidedRuns
    verifiers: Sequence[Verifier]
    identity: Path
    keys: EscrowKeys | None
    log: FilteringBoundLogger


class Completion:
    """See the module's first lines."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._keys = parts.keys

    async def page(self, after: bytes, limit: int) -> list[tuple[bytes, Parked]]:
        """Entries that wait, by commitment."""
        return await self._parts.database.read(lambda tx: sealed_store.waiting_in(tx, after, limit))

    async def waiting(self) -> int:
        """How many entries of this node wait."""
        return await self._parts.database.read(sealed_store.all_waiting_in)

    async def take_receipt(self, data: bytes) -> bool:
        """Complete with a vendor's copy; whether it was of a refused attempt.

        Refused (FED-2432) where nothing waits for it; FED-2104 … where its signature does not fit.
        """
        verified = verify_sole_receipt(data, key_of(data, self._parts.verifiers))
        if not await self._parts.database.write(lambda tx: self._complete_in(tx, data)):
            raise Refused(
                "FED-2432",
                "no entry of this node waits for that receipt",
                remedy="`receipt waiting` shows what is waited for",
            )
        self._parts.log.info("restoring.completed", by="receipt")
        return not verified.accepted

    async def take_code(self, typed: str) -> int:
        """Open whatever the code opens, and keep its key; how many entries were completed.

        RecoveryCodeInvalid (FED-2431); Conflict (FED-2434) for a code that opens nothing here.
        """
        key = read_code(typed)
        keys = self._keys
        if keys is None or key == keys.present or key in keys.former:
            candidate = keys or EscrowKeys(key)
        else:
            candidate = EscrowKeys(keys.present, (*keys.former, key))
        opened = await self._open_all(candidate)
        if not opened and candidate is not keys:
            raise Conflict("FED-2434", "this recovery code opens nothing that waits here")
        if candidate is not keys:
            await asyncio.to_thread(escrow_files.keep_former, self._parts.identity, key)
            self._keys = candidate
            self._parts.intake.use(candidate)
        if opened:
            await self._tell(opened)
        return opened

    async def open_again(self) -> int:
        """Try the keys at hand on everything that waits."""
        opened = await self._open_all(self._keys) if self._keys is not None else 0
        if opened:
            await self._tell(opened)
        return opened

    async def retry(self) -> None:
        """Take up entries that wait for packages or rules."""
        after = b""
        while True:
            after = await self._parts.database.write(
                lambda tx, after=after: self._parts.restorers.retry_in(tx, after)  # type: ignore[misc] # mypy cannot type a lambda with defaults
            )
            if not after:
                return

    async def _open_all(self, keys: EscrowKeys) -> int:
        after, opened = b"", 0
        while page := await self.page(after, RESTORE_SEALED_PAGE):
            after = page[-1][0]
            texts = [text for one in page if (text := _text(keys, *one))]
            if texts:
                opened += await self._parts.database.write(
                    lambda tx, texts=texts: sum(self._complete_in(tx, text) for text in texts)  # type: ignore[misc] # mypy cannot type a lambda with defaults
                )
        return opened

    async def _tell(self, opened: int) -> None:
        trigger = records.RECONCILIATION_TRIGGER_RESTORE
        entries = [telling.returned(opened)]
        await self._parts.database.write(
            lambda tx: self._parts.runs.decided_in(tx, trigger, entries)
        )
        self._parts.restorers.restored()
        self._parts.log.info("restoring.completed", by="escrow", entries=opened)

    def _complete_in(self, tx: Transaction, text: bytes) -> bool:
        commitment = self._parts.intake.complete_in(tx, text)
        if commitment is None:
            return False
        self._parts.restorers.known_in(tx, commitment)
        return True


def _text(keys: EscrowKeys, commitment: bytes, parked: Parked) -> bytes:
    kind = records.UploadRefused if parked.refused else records.UploadAccepted
    sealed = kind.FromString(parked.record).sealed_details
    if not sealed:
        return b""
    try:
        return keys.unseal(commitment, sealed)
    except FederationError:
        return b""
