"""The enrolled nodes as ledger, fleet and link need them.

Owns the adapters from `central.enrolment` to those ports. Leaves out every decision.
"""

from __future__ import annotations

from collections.abc import Sequence

from central.enrolment.admission import Admission
from central.enrolment.rules import Binding
from central.enrolment.store import EnrolmentStore
from central.fleet.ports import EnrolledNode
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier


class EnrolledKeys:
    """The ledger's port `NodeKeys`: keys in memory first, then those of revoked nodes."""

    def __init__(self, admission: Admission, store: EnrolmentStore) -> None:
        self._admission = admission
        self._store = store
        self._verifiers: dict[tuple[str, bytes], Verifier] = {}

    async def verifier(self, node_id: str) -> Verifier:
        """The enrolled signing key; NotFound for a node that was never enrolled."""
        binding = self._admission.node(node_id) or await self._store.node(node_id)
        key = (node_id, binding.signing_key)
        if key not in self._verifiers:
            self._verifiers[key] = Verifier(node_id, binding.signing_key)
        return self._verifiers[key]

    async def signed_by(self, head: Head) -> Verifier:
        """The key, present or former, that signed this head; HeadInvalid where none of them did."""
        present = await self.verifier(head.party)
        refused: FederationError | None = None
        for key in await self._store.keys(head.party):
            verifier = present if key == present.public else Verifier(head.party, key)
            try:
                head.verify(verifier)
            except FederationError as error:
                refused = refused or error
                continue
            return verifier
        assert refused is not None, "an enrolled node has a key"
        raise refused

    async def count(self) -> int:
        """How many nodes have access, for the national gate."""
        return len(self._admission.nodes())


class EnrolledDirectory:
    """The fleet's port `NodeDirectory`."""

    def __init__(self, store: EnrolmentStore) -> None:
        self._store = store

    async def node(self, node_id: str) -> EnrolledNode:
        """One node; NotFound for a name that was never enrolled."""
        return _node(await self._store.node(node_id))

    async def nodes(
        self, *, after: str = "", province: str = "", limit: int
    ) -> Sequence[EnrolledNode]:
        """Nodes in order of their ids."""
        return [_node(one) for one in await self._store.nodes(after, limit, province=province)]


def _node(binding: Binding) -> EnrolledNode:
    return EnrolledNode(binding.node_id, binding.province, binding.zone, not binding.active)
