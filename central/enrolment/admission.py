"""Who may come in: every mTLS call of the centre asks here first.

Owns the set of node keys that have access, in memory, so that a node's call costs no query. Rules:
the certificate must carry the key that is bound now (a certificate of earlier keys is refused even
while it is valid), and whoever is revoked is out at once, on open streams too: subscribers are told
and close them. Leaves out TLS itself and what a subject may do inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from structlog.typing import FilteringBoundLogger

from central.enrolment.rules import Binding
from central.enrolment.store import EnrolmentStore
from central.operators.rules import Operator, check_role
from central.operators.store import OperatorStore
from lpse.federation.errors import Denied, NotFound
from lpse.runtime.channels import Subject, peer_subject
from lpse.runtime.logs import origin_of
from lpse.runtime.tls import key_id

Context = grpc.aio.ServicerContext[Any, Any]
Revoked = Callable[[Subject], None]


class Admission:
    """`open` must have returned before the first call is served."""

    def __init__(
        self, store: EnrolmentStore, operators: OperatorStore, log: FilteringBoundLogger
    ) -> None:
        self._store = store
        self._operators = operators
        self._log = log
        self._nodes: dict[str, Binding] = {}
        self._ended: set[str] = set()  # key ids revoked since the start; they never come back
        self._subscribers: list[Revoked] = []

    async def open(self) -> None:
        """Read who has access."""
        self._nodes = {binding.node_id: binding for binding in await self._store.active()}

    def require_node(self, context: Context) -> str:
        """The node id behind an mTLS call; Denied (FED-3001, FED-3009) otherwise."""
        subject = peer_subject(context)
        if subject.kind != "node":
            raise Denied("FED-3009", f"this listener is for nodes, not for one {subject.kind}")
        binding = self._nodes.get(subject.name)
        if binding is None or key_id(binding.signing_key) != subject.key_id:
            raise Denied(
                "FED-3009",
                f"{subject.name} has no access with this certificate",
                remedy="if it should have, enrol it again with a new code",
            )
        return subject.name

    async def require_operator(self, context: Context, *roles: str) -> Operator:
        """The active person behind an mTLS call, in one of `roles` (none named: any role)."""
        subject = peer_subject(context)
        if subject.kind != "operator":
            raise Denied("FED-3009", f"this listener is for operators, not for one {subject.kind}")
        try:
            person = await self._operators.get(subject.name)
        except NotFound as error:
            raise Denied("FED-3009", f"{subject.name} has no access") from error
        if key_id(person.signing_key) != subject.key_id:
            raise Denied("FED-3009", f"{subject.name} has no access with this certificate")
        check_role(person, *(roles or (person.role,)))
        return person

    def node(self, node_id: str) -> Binding | None:
        """A node that has access: its province, zone and signing key."""
        return self._nodes.get(node_id)

    def nodes(self) -> list[Binding]:
        """Every node that has access, by id."""
        return [self._nodes[node_id] for node_id in sorted(self._nodes)]

    def on_revoked(self, subscriber: Revoked) -> None:
        """Have `subscriber` called at once when a subject loses access, to close its streams."""
        self._subscribers.append(subscriber)

    def learn(self, binding: Binding) -> None:
        """A binding is durable: the node may come in."""
        # A binding read just before its revocation must not open the door again.
        if binding.active and key_id(binding.signing_key) not in self._ended:
            self._nodes[binding.node_id] = binding

    def forget(self, subject: Subject) -> None:
        """A revocation is durable: the subject is out, and open streams end."""
        self._ended.add(subject.key_id)
        present = self._nodes.get(subject.name) if subject.kind == "node" else None
        if present is not None and key_id(present.signing_key) == subject.key_id:
            del self._nodes[subject.name]
        for subscriber in self._subscribers:
            try:
                subscriber(subject)
            except Exception as error:  # one subscriber's bug must not keep another's streams open
                self._log.error("admission.subscriber_failed", where=origin_of(error))
