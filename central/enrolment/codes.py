"""Making enrolment codes: for operators' calls, and for the first persons when a centre is made.

Owns the moment in which a secret exists at the centre: it is drawn, its derived key is stored, its
text is returned once and forgotten. Leaves out who may ask for a code.
"""

from __future__ import annotations

from datetime import timedelta

from central.enrolment.certificates import CentreFacts
from central.enrolment.rules import OPEN, Code
from central.enrolment.store import EnrolmentStore
from lpse.federation.enrolment_code import new_code, proof_key
from lpse.federation.limits import CODE_ID_BYTES, CODE_SECRET_BYTES
from lpse.runtime.clock import Clock, Entropy


class Codes:
    """Makes codes that lead to this centre."""

    def __init__(
        self, store: EnrolmentStore, centre: CentreFacts, clock: Clock, entropy: Entropy
    ) -> None:
        self._store = store
        self._centre = centre
        self._clock = clock
        self._entropy = entropy

    @property
    def endpoint(self) -> str:
        """host:port where codes are redeemed."""
        return self._centre.enrolment_endpoint

    async def create(
        self,
        subject: tuple[str, str],
        *,
        created_by: str,
        place: tuple[str, str] = ("", ""),
        role: str = "",
        validate_only: bool = False,
        recovery: str = "",
    ) -> tuple[Code, str]:
        """A stored code for (kind, name) and its text; `place` is (province, zone) of a node.

        `recovery` names the applied plan by which a lost machine is replaced.
        """
        kind, name = subject
        randomness = self._entropy.token(CODE_ID_BYTES + CODE_SECRET_BYTES)
        made = new_code(kind, randomness, self._centre.ca_fingerprint)
        now = self._clock.wall()
        code = Code(
            code_id=made.code_id,
            subject_kind=kind,
            subject=name,
            province=place[0],
            zone=place[1],
            role=role,
            proof_key=proof_key(made.code_id, made.secret),
            state=OPEN,
            failures=0,
            created_by=created_by,
            create_time=now,
            expire_time=now + timedelta(seconds=self._centre.code_seconds),
            recovers=bool(recovery),
        )
        stored = await self._store.create_code(code, validate_only=validate_only, recovery=recovery)
        return stored, made.text()
