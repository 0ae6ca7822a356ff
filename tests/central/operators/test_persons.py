"""Promises about the persons of the centre, over real mTLS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from central.operators import rules
from central.operators.rules import Operator
from lpse.federation.errors import Conflict, Denied, Refused
from lpse.operator.v1 import operators_pb2 as api
from lpse.operator.v1.enrolments_pb2 import CreateEnrolmentRequest
from lpse.operator.v1.enrolments_pb2_grpc import EnrolmentsStub
from lpse.operator.v1.operators_pb2_grpc import OperatorsStub
from lpse.runtime.channels import Subject
from lpse.runtime.clock import SystemClock
from lpse.runtime.tls import key_id
from tests.central.operators.centre import Centre, refusal, running


def revocation(name: str, reason: str = "left the office") -> api.RevokeOperatorRequest:
    return api.RevokeOperatorRequest(name=f"operators/{name}", reason=reason)


def stub(channel: grpc.aio.Channel) -> Any:
    return OperatorsStub(channel)


async def invite(channel: grpc.aio.Channel, name: str, role: str) -> str:
    request = CreateEnrolmentRequest(subject_kind="operator", subject=name, role=role)
    answer = await EnrolmentsStub(channel).CreateEnrolment(request)
    return str(answer.code)


async def second_approver(centre: Centre) -> None:
    """So that one approver may go."""
    code = await invite(await centre.person("budi"), "rini", "approver")
    await centre.person("rini", code)


async def test_redeemed_invitation_is_told_to_every_node(tmp_path: Path) -> None:
    """A person is added, with role and public key, in the national journal and in the list."""
    async with running(tmp_path) as centre:
        channel = await centre.person("siti")
        await centre.person("siti")
        listed = await stub(channel).ListOperators(api.ListOperatorsRequest())
        assert [person.name for person in listed.operators] == ["operators/siti"]
        assert listed.operators[0].role == api.OPERATOR_ROLE_OPERATOR
        assert len(listed.operators[0].signing_key) == 32
        assert (await centre.told()).count("operator.added") == 1


async def test_reading_role_cannot_write(tmp_path: Path) -> None:
    """An auditor reads the list of persons and revokes nobody."""
    async with running(tmp_path) as centre:
        await second_approver(centre)
        auditor = await centre.person("wati")
        await stub(auditor).GetOperator(api.GetOperatorRequest(name="operators/budi"))
        error = await refusal(stub(auditor).RevokeOperator(revocation("budi")))
        assert (type(error), error.code) == (Denied, "FED-3104")


async def test_nobody_makes_the_second_person_alone(tmp_path: Path) -> None:
    """An operator cannot invite an approver, nor an approver an operator: two persons stay two."""
    async with running(tmp_path) as centre:
        operator, approver = await centre.person("siti"), await centre.person("budi")
        assert (await refusal(invite(operator, "eko", "approver"))).code == "FED-3104"
        assert (await refusal(invite(approver, "eko", "operator"))).code == "FED-3104"
        assert await invite(operator, "eko", "operator")
        assert await invite(approver, "dewi", "auditor")


async def test_open_streams_of_a_revoked_person_are_told(tmp_path: Path) -> None:
    """Who holds streams learns of a durable revocation at once; of a check alone nothing."""
    told: list[Subject] = []
    async with running(tmp_path) as centre:
        centre.admission.on_revoked(told.append)
        await second_approver(centre)
        operator = await centre.person("siti")
        checked = revocation("budi")
        checked.validate_only = True
        await stub(operator).RevokeOperator(checked)
        assert told == []
        await stub(operator).RevokeOperator(revocation("budi"))
        person = await centre.operators.get("budi")
        assert told == [Subject("operator", "budi", key_id(person.signing_key))]


async def test_revoked_person_is_out_at_once(tmp_path: Path) -> None:
    """After a revocation the same open channel is refused, and every node is told why."""
    async with running(tmp_path) as centre:
        await second_approver(centre)
        operator, approver = await centre.person("siti"), await centre.person("budi")
        revoked = await stub(operator).RevokeOperator(revocation("budi"))
        assert revoked.operator.state == api.OPERATOR_STATE_REVOKED
        assert revoked.operator.revoked_by == "siti"
        error = await refusal(stub(approver).ListOperators(api.ListOperatorsRequest()))
        assert error.code == "FED-3105"
        await stub(operator).RevokeOperator(revocation("budi"))
        assert (await centre.told()).count("operator.revoked") == 1


async def test_last_able_person_stays(tmp_path: Path) -> None:
    """The last operator and the last approver cannot be revoked; the centre would be stuck."""
    async with running(tmp_path) as centre:
        operator = await centre.person("siti")
        await centre.person("budi")
        for name in ("siti", "budi"):
            assert (await refusal(stub(operator).RevokeOperator(revocation(name)))).code == (
                "FED-3108"
            )
        assert "operator.revoked" not in await centre.told()


async def test_revocation_needs_a_reason_and_a_person(tmp_path: Path) -> None:
    """An unknown person or an empty reason is refused, and validate_only changes nothing."""
    async with running(tmp_path) as centre:
        await second_approver(centre)
        operator = await centre.person("siti")
        assert (await refusal(stub(operator).RevokeOperator(revocation("x")))).code == "FED-3103"
        assert (await refusal(stub(operator).RevokeOperator(revocation("rini", " ")))).code == (
            "FED-3113"
        )
        request = revocation("rini")
        request.validate_only = True
        await stub(operator).RevokeOperator(request)
        assert (await centre.operators.get("rini")).active


async def test_persons_are_listed_in_pages(tmp_path: Path) -> None:
    """Page by page every person is seen once, in the order of names."""
    async with running(tmp_path) as centre:
        for name in ("siti", "budi", "wati"):
            channel = await centre.person(name)
        request, seen = api.ListOperatorsRequest(page_size=1), []
        while True:
            answer = await stub(channel).ListOperators(request)
            seen += [person.name for person in answer.operators]
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
        assert seen == ["operators/budi", "operators/siti", "operators/wati"]


@pytest.mark.parametrize("name", ["", "Siti", "siti rahayu", "-siti", "a/b", "ä", "x" * 41, "a\n"])
def test_odd_names_are_refused(name: str) -> None:
    """A name that cannot stand in a certificate, a path and a journal never becomes a person's."""
    with pytest.raises(Refused, match="person's name"):
        rules.check_addition(None, name, "operator", bytes(32), 0)


def test_name_stands_for_one_key_for_ever() -> None:
    """A name once used, by another key or by a revoked person, is a conflict."""
    now = SystemClock().wall()
    siti = Operator("siti", "operator", bytes(32), "", now)
    assert not rules.check_addition(siti, "siti", "operator", bytes(32), 1)
    with pytest.raises(Conflict):
        rules.check_addition(siti, "siti", "operator", b"\1" * 32, 1)
    gone = Operator("siti", "operator", bytes(32), "", now, revoke_time=now)
    with pytest.raises(Conflict):
        rules.check_addition(gone, "siti", "operator", bytes(32), 1)
