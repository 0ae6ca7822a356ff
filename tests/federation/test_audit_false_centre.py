"""A centre that shows something else than what it was asked for has shown nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lpse.federation.errors import Unavailable
from lpse.federation.v1 import audit_pb2 as wire
from regional_node.audit.client import AuditCalls, open_calls
from regional_node.audit.proofs import CentreProofs, Refusal
from regional_node.audit.worker import AuditWorker
from tests.federation.audits import audited
from tests.federation.rig import ENTROPY, Node

Twist = Callable[[wire.ProveResponse], None]


async def _asked(
    node: Node, worker: AuditWorker, twist: Twist, monkeypatch: pytest.MonkeyPatch
) -> list[Refusal]:
    """What the node refuses of true answers that were twisted on their way."""
    proofs = CentreProofs(node.journal, node.national, lambda: node.state.stored_head, ENTROPY)
    async with open_calls(worker._connect) as calls:
        true = calls.prove

        async def prove(request: wire.ProveRequest) -> wire.ProveResponse:
            answer = await true(request)
            if not request.national:
                twist(answer)
            return answer

        monkeypatch.setattr(calls, "prove", prove)
        _, refused = await proofs.ask(calls)
        return refused


def _other_possession(answer: wire.ProveResponse) -> None:
    answer.proofs[0].possession = bytes(32)


def _fewer(answer: wire.ProveResponse) -> None:
    del answer.proofs[0]


def _nothing(answer: wire.ProveResponse) -> None:
    del answer.proofs[:]


def _other_path(answer: wire.ProveResponse) -> None:
    answer.proofs[0].path.append(bytes(32))


@pytest.mark.parametrize(
    ("twist", "words"),
    [
        (_other_possession, "not those of the entry"),
        (_fewer, "other entries"),
        (_nothing, "other entries"),
        (_other_path, "FED-"),
    ],
)
async def test_an_answer_to_another_question_is_a_refused_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, twist: Twist, words: str
) -> None:
    """Kept hashes, missing entries and foreign paths prove nothing; a person hears of it."""
    async with audited(tmp_path, 30) as (_, node, worker):
        (refused, *_) = await _asked(node, worker, twist, monkeypatch)
        assert refused.journal == "regional" and words in refused.found


async def test_what_is_not_projected_yet_is_not_compared(tmp_path: Path) -> None:
    """A difference that the next moment heals is none: the node is told to come again."""
    async with audited(tmp_path, 5) as (_, node, worker):
        head = node.journal.head
        async with open_calls(worker._connect) as calls:
            assert await _applied(calls, head.epoch, head.size) == head.size
            with pytest.raises(Unavailable) as caught:
                await calls.begin(head.epoch, head.size + 1)
        assert caught.value.code == "FED-7072"
        assert caught.value.retry_after_seconds


async def _applied(calls: AuditCalls, epoch: bytes, size: int) -> int:
    return (await calls.begin(epoch, size)).applied_size
