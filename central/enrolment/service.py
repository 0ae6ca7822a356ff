"""The enrolment listener: redeeming a code, and renewing by signature. No client certificate.

Rules: whoever does not prove the code learns nothing about it, costs the code one of its attempts
and the address one of its own; a key is bound durably before a certificate leaves (persist, then
send), so a lost answer is repaired by asking again. Leaves out codes' making (operators' listener).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import grpc
from structlog.typing import FilteringBoundLogger

from central.enrolment import rules
from central.enrolment.admission import Admission
from central.enrolment.certificates import CentreFacts, Issuer
from central.enrolment.rules import Code, FailureWindow
from central.enrolment.store import EnrolmentStore
from central.operators.store import OperatorStore
from lpse.federation.enrolment_code import (
    enrolment_statement,
    proves_code,
    renewal_statement,
    verify_possession,
)
from lpse.federation.errors import Denied, NotFound, Refused
from lpse.federation.limits import RENEWAL_NONCE_BYTES
from lpse.federation.v1 import enrolment_pb2 as wire
from lpse.federation.v1 import enrolment_pb2_grpc
from lpse.runtime.channels import Subject
from lpse.runtime.clock import Clock
from lpse.runtime.tls import key_id, read_request

Context = grpc.aio.ServicerContext[Any, Any]
_KEY_BYTES: Final = 32


class EnrolmentService(enrolment_pb2_grpc.EnrolmentServicer):
    """Handlers of `lpse.federation.v1.Enrolment`."""

    def __init__(
        self,
        registry: tuple[EnrolmentStore, OperatorStore],
        admission: Admission,
        issuer: Issuer,
        centre: CentreFacts,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._store, self._operators = registry
        self._admission = admission
        self._issuer = issuer
        self._centre = centre
        self._clock = clock
        self._log = log
        self._failures = FailureWindow()

    async def Enrol(self, request: wire.EnrolRequest, context: Context) -> wire.EnrolResponse:
        address = _address(context.peer())
        self._failures.admit(address, self._clock.monotonic())
        try:
            return await self._enrol(request)
        except Denied as error:
            self._failures.failed(address, self._clock.monotonic())
            self._log.warning("enrolment.denied", code=error.code, code_id=request.code_id[:16])
            raise

    async def Renew(self, request: wire.RenewRequest, context: Context) -> wire.RenewResponse:
        address = _address(context.peer())
        self._failures.admit(address, self._clock.monotonic())
        try:
            return await self._renew(request)
        except Denied as error:
            self._failures.failed(address, self._clock.monotonic())
            self._log.warning("renewal.denied", code=error.code, subject=request.subject[:64])
            raise

    async def _enrol(self, request: wire.EnrolRequest) -> wire.EnrolResponse:
        read_request(request.certificate_request)
        if len(request.signing_key) != _KEY_BYTES:
            raise Refused("FED-3023", "a signing key has 32 bytes")
        code = await self._prove(request)
        now = self._clock.wall()
        expire = self._issuer.expire_time(code.subject_kind, now)
        former = self._admission.node(code.subject) if code.recovers else None
        # Durable first: if the answer is lost, the same keys get it again.
        await self._store.redeem(code.code_id, request.signing_key, now, expire)
        if former is not None and former.signing_key != request.signing_key:
            self._admission.forget(Subject("node", code.subject, key_id(former.signing_key)))
        if code.subject_kind == "node":
            self._admission.learn(await self._store.node(code.subject))
        certificate = self._issuer.issue(
            (code.subject_kind, code.subject),
            request.certificate_request,
            request.signing_key,
            now,
        )
        self._log.info("enrolment.done", kind=code.subject_kind, subject=code.subject)
        return self._answer(code, certificate)

    async def _prove(self, request: wire.EnrolRequest) -> Code:
        """The code, if the caller holds it; otherwise one answer for every reason."""
        code = await self._store.find_code(request.code_id)
        if code is None:
            raise _unproven()
        if code.state == rules.LOCKED:
            raise Denied("FED-3006", "this code has been revoked or locked")
        if not proves_code(code.proof_key, request):
            await self._store.count_failure(code.code_id)
            raise _unproven()
        verify_possession(
            request.signing_key, request.possession_proof, enrolment_statement(request)
        )
        return code

    async def _renew(self, request: wire.RenewRequest) -> wire.RenewResponse:
        rules.check_kind(request.subject_kind)
        if len(request.nonce) != RENEWAL_NONCE_BYTES:
            raise Refused("FED-3023", f"a nonce has {RENEWAL_NONCE_BYTES} bytes")
        read_request(request.certificate_request)
        now = self._clock.wall()
        rules.check_renewal_clock(_moment(request), now)
        key = await self._bound_key(request.subject_kind, request.subject)
        verify_possession(key, request.possession_proof, renewal_statement(request))
        if request.subject_kind == "node":
            expire = self._issuer.expire_time("node", now)
            binding = await self._store.renew_node(request.subject, request.nonce, now, expire)
            self._admission.learn(binding)
        else:
            await self._store.spend_nonce(request.nonce, now)
        subject = (request.subject_kind, request.subject)
        certificate = self._issuer.issue(subject, request.certificate_request, key, now)
        self._log.info("renewal.done", kind=request.subject_kind, subject=request.subject)
        return wire.RenewResponse(
            certificate=certificate, ca_certificate=self._centre.ca_certificate
        )

    async def _bound_key(self, kind: str, name: str) -> bytes:
        """The key that has access; Denied (FED-3010) for the revoked and unknown alike."""
        if kind == "node":
            binding = self._admission.node(name)
            if binding is not None:
                return binding.signing_key
        else:
            try:
                person = await self._operators.get(name)
                if person.active:
                    return person.signing_key
            except NotFound:
                pass
        raise Denied("FED-3010", "this subject has no access; its certificate is not renewed")

    def _answer(self, code: Code, certificate: bytes) -> wire.EnrolResponse:
        is_node = code.subject_kind == "node"
        centre = self._centre
        return wire.EnrolResponse(
            subject=code.subject,
            certificate=certificate,
            ca_certificate=centre.ca_certificate,
            centre_signing_key=centre.signing_key,
            province=code.province,
            zone=code.zone,
            role=code.role,
            endpoint=centre.nodes_endpoint if is_node else centre.operators_endpoint,
        )


def _unproven() -> Denied:
    return Denied(
        "FED-3002",
        "this enrolment code is not known here",
        remedy="copy the whole code again, or ask for a new one",
    )


def _moment(request: wire.RenewRequest) -> datetime:
    try:
        return request.request_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("FED-3023", "the moment of the request is malformed") from error


def _address(peer: str) -> str:
    """The network address without its port: `ipv4:10.0.0.1:5000` → `ipv4:10.0.0.1`."""
    return peer.rpartition(":")[0] or peer
