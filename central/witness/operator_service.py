"""What operators and auditors ask about witnesses: who has seen what, and whether heads agree.

Rules: every role may ask; whatever a head shows, nothing of a journal changes. Leaves out the
comparison (`comparing`) and the calls of nodes (`service`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import grpc

from central.enrolment.admission import Admission, Context
from central.enrolment.rules import Binding
from central.national.national import National
from central.operators.rules import ROLES
from central.witness.comparing import Compared, Comparing
from central.witness.store import Branch, WitnessStore, Word
from lpse.federation.checkpoints import Head
from lpse.federation.errors import FederationError, Refused
from lpse.federation.limits import CHECKED_HEADS_MAX, HEAD_PLACE_CHARACTERS_MAX
from lpse.operator.v1 import witnesses_pb2 as api
from lpse.operator.v1 import witnesses_pb2_grpc
from lpse.runtime.channels import page_size

W = api.WitnessState


class WitnessesService(witnesses_pb2_grpc.WitnessesServicer):
    """Handlers of `lpse.operator.v1.Witnesses`."""

    def __init__(
        self,
        store: WitnessStore,
        comparing: Comparing,
        national: National,
        admission: Admission,
        missing: Callable[[], Awaitable[list[str]]],
    ) -> None:
        """`missing` names offered releases whose bundles are not here."""
        self._store = store
        self._missing = missing
        self._comparing = comparing
        self._national = national
        self._admission = admission

    def register(self, server: grpc.aio.Server) -> None:
        """Serve on the operators' listener."""
        witnesses_pb2_grpc.add_WitnessesServicer_to_server(self, server)

    async def ListWitnesses(
        self, request: api.ListWitnessesRequest, context: Context
    ) -> api.ListWitnessesResponse:
        await self._admission.require_operator(context, *ROLES)
        size = page_size(request.page_size)
        nodes = self._admission.nodes()
        own = self._national.head
        words = {one.node_id: one for one in await self._store.words(own.party)}
        shown = await self._national.shown_by()
        listed = [one for one in nodes if one.node_id > request.page_token]
        answer = api.ListWitnessesResponse(
            next_page_token=listed[size - 1].node_id if len(listed) > size else "",
            national_head=own.message(),
            centre_key=self._national.verifier.public,
            nodes=len(nodes),
            current=sum(_is_current(words.get(one.node_id), own) for one in nodes),
        )
        if not request.page_token:
            answer.missing_bundles.extend(await self._missing())
            answer.branches.extend(map(_branch, await self._store.branches()))
        for binding in listed[:size]:
            word = await self._signed(words.get(binding.node_id))
            answer.witnesses.append(_message(binding, word, own, shown.get(binding.node_id)))
        return answer

    async def CheckHeads(
        self, request: api.CheckHeadsRequest, context: Context
    ) -> api.CheckHeadsResponse:
        await self._admission.require_operator(context, *ROLES)
        if len(request.heads) > CHECKED_HEADS_MAX:
            raise Refused("FED-2455", f"at most {CHECKED_HEADS_MAX} heads are compared at once")
        if any(len(one.place) > HEAD_PLACE_CHARACTERS_MAX for one in request.heads):
            raise Refused("FED-2455", f"a place has at most {HEAD_PLACE_CHARACTERS_MAX} characters")
        heads = [(Head.of(one.head), one.place) for one in request.heads]
        return api.CheckHeadsResponse(
            heads=[_checked(one) for one in await self._comparing.compare(heads)]
        )

    async def _signed(self, word: Word | None) -> Word | None:
        """With the centre's signature on the head again, where the journal contains it."""
        if word is None:
            return None
        try:
            head = await self._national.signed_at(word.head.epoch, word.head.size)
        except FederationError:
            return word
        return Word(word.node_id, head, word.cosignature) if head.root == word.head.root else word


def _is_current(word: Word | None, own: Head) -> bool:
    return word is not None and (word.head.size, word.head.root) == (own.size, own.root)


def _message(
    binding: Binding, word: Word | None, own: Head, shown: tuple[Head, str] | None
) -> api.NationalWitness:
    message = api.NationalWitness(node_id=binding.node_id, signing_key=binding.signing_key)
    if word is not None:
        message.head.CopyFrom(word.head.message())
        message.cosignature.CopyFrom(word.cosignature.message())
    if shown is not None:
        head, seen = shown
        message.state = W.WITNESS_STATE_CONTRADICTS
        message.contradicting_head.CopyFrom(head.message())
        message.contradict_time.FromDatetime(datetime.fromisoformat(seen))
    elif word is None:
        message.state = W.WITNESS_STATE_NEVER
    else:
        current = _is_current(word, own)
        message.state = W.WITNESS_STATE_CURRENT if current else W.WITNESS_STATE_BEHIND
    return message


def _branch(one: Branch) -> api.NationalBranch:
    message = api.NationalBranch(
        node_id=one.node_id,
        head=one.head.message(),
        own_head=one.own_head.message(),
        common_size=one.common_size,
        kept_size=one.kept,
    )
    message.since_time.FromDatetime(datetime.fromisoformat(one.since_time))
    return message


def _checked(one: Compared) -> api.CheckedHead:
    message = api.CheckedHead(
        head=one.head.message(),
        place=one.place,
        standing=one.standing,
        own_root=one.own_root,
        signing_key=one.key,
    )
    if one.own_head is not None:
        message.own_head.CopyFrom(one.own_head.message())
    return message
