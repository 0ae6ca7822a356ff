"""Whole files become one submission with one receipt, or nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.commitments import read_details
from lpse.federation.errors import Conflict, FederationError, Refused
from lpse.federation.receipts import verify_receipt
from lpse.federation.v1.records_pb2 import Verdict
from regional_node.tus.errors import FileGone
from regional_node.tus.rows import State
from tests.regional_node.intake.node import CODE, DEADLINE, journalled
from tests.regional_node.tus.world import World, grant_of, start_world


async def test_files_become_one_submission_in_their_order(world: World) -> None:
    """One entry, one receipt over all files; the rows of the files say so at the same moment."""
    contents = {"b.rhs": b"two", "a.rhs": b"one", "c.rhs": b""}
    ids = [await world.upload(data, name) for name, data in contents.items()]
    submitted = await world.files.submit(world.grant, ids)
    receipt = submitted.stored.receipt
    proofs = [(len(data), sha256(data).digest()) for data in contents.values()]
    verified = verify_receipt(receipt, world.node.signer.verifier, proofs)
    assert (submitted.number, submitted.repeated, verified.files_missing) == (1, False, ())
    assert [file.name for file in verified.details.files] == list(contents)
    assert verified.details.vendor == world.grant.vendor
    assert [(await world.look(one)).state for one in ids] == [State.SUBMITTED] * 3
    assert len(await journalled(world.node, "upload.accepted")) == 1


async def test_the_same_set_again_gets_the_same_receipt(tmp_path: Path) -> None:
    """Invariant 3: a repeated submit, at once or after a restart, has the effect of one."""
    async with start_world(tmp_path) as world:
        ids = [await world.upload(b"one", "a"), await world.upload(b"two", "b")]
        answers = await asyncio.gather(*(world.files.submit(world.grant, ids) for _ in range(5)))
        assert sorted(one.repeated for one in answers) == [False] + [True] * 4
    async with start_world(tmp_path) as world:
        again = await world.files.submit(world.grant, ids)
        assert {one.stored.receipt for one in answers} == {again.stored.receipt}
        assert len(await journalled(world.node, "upload.accepted")) == 1
        with pytest.raises(Conflict) as refused:
            await world.files.submit(world.grant, ids[::-1])
        assert refused.value.code == "FED-5411"


async def test_a_later_submission_replaces_and_keeps_the_earlier(world: World) -> None:
    """Both stay accepted with their receipts; the newer one says which it replaces."""
    first = await world.files.submit(world.grant, [await world.upload(b"one")])
    second = await world.files.submit(world.grant, [await world.upload(b"two")])
    details = read_details(second.stored.commitment.details)
    assert (second.number, details.replaces) == (2, first.stored.intake_key)
    again = await world.node.store.submission(first.stored.intake_key)
    assert again is not None
    assert again.receipt == first.stored.receipt
    assert world.node.blobs.path_of(sha256(b"one").digest()).exists()


async def test_nothing_changes_where_one_file_is_not_fit(world: World) -> None:
    """Unfinished, ended, repeated, missing or submitted files: a clear error, no submission."""
    whole = await world.upload(b"whole", "whole")
    half = (await world.files.create(world.grant, 10, "half")).file_id
    ended = await world.upload(b"ended", "ended")
    await world.files.terminate(world.grant, ended)
    gone = await world.upload(b"gone", "gone")
    await world.files.submit(world.grant, [gone])
    for ids, code in (
        ([whole, half], "FED-5410"),
        ([whole, ended], "FED-5402"),
        ([whole, gone], "FED-5411"),
        ([whole, whole], "FED-5412"),
        ([], "FED-5412"),
        ([whole, "f" * 32], "FED-5401"),
        ([whole, await world.upload(b"x", "whole")], "FED-5002"),
    ):
        with pytest.raises(FederationError) as refused:
            await world.files.submit(world.grant, ids)
        assert refused.value.code == code
    assert (await world.look(whole)).state is State.WHOLE
    assert len(await journalled(world.node, "upload.accepted")) == 1


async def test_submit_and_terminate_exclude_each_other(world: World) -> None:
    """Whoever comes first wins; a receipt's bytes are never removed."""
    for number in range(20):
        data = b"%d" % number
        file_id = await world.upload(data, f"{number}")
        ended = await asyncio.gather(
            world.files.submit(world.grant, [file_id]),
            world.files.terminate(world.grant, file_id),
            return_exceptions=True,
        )
        failed = [isinstance(one, Exception) for one in ended]
        path = world.node.blobs.path_of(sha256(data).digest())
        if failed == [True, False]:
            assert not path.exists()
            with pytest.raises(FileGone):
                await world.look(file_id)
        else:
            assert failed == [False, True]
            assert path.exists()


async def test_the_last_byte_counts_not_the_submit(world: World) -> None:
    """Durable before the deadline and submitted after it: on time, as long as nothing is open."""
    file_id = await world.upload(b"bid")
    world.node.clock.set(DEADLINE + timedelta(minutes=5))
    submitted = await world.files.submit(world.grant, [file_id])
    assert submitted.stored.verdict == Verdict.VERDICT_ON_TIME
    assert submitted.stored.accept_time < DEADLINE
    told = verify_receipt(submitted.stored.receipt, world.node.signer.verifier).document
    assert told["accept_time"] < told["deadline_time"] < told["submit_time"], "all can see both"


async def test_after_the_opening_only_the_submit_counts(world: World) -> None:
    """Whoever has seen others' bids cannot be on time any more by submitting now."""
    file_id = await world.upload(b"bid")
    world.node.clock.set(DEADLINE + timedelta(minutes=5))
    await world.node.openings.open(CODE, None)
    submitted = await world.files.submit(world.grant, [file_id])
    assert submitted.stored.verdict == Verdict.VERDICT_LATE


async def test_an_opening_between_the_look_and_the_commit_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row's transaction looks again: no submit slips in as on time behind an opening."""
    file_id = await world.upload(b"bid")
    world.node.clock.set(DEADLINE + timedelta(minutes=5))
    look = world.store.standing

    async def then_opened(*asked: Any) -> Any:
        known = await look(*asked)
        await world.node.openings.open(CODE, None)
        return known

    monkeypatch.setattr(world.store, "standing", then_opened)
    submitted = await world.files.submit(world.grant, [file_id])
    assert submitted.stored.verdict == Verdict.VERDICT_LATE


async def test_begun_before_and_durable_after_is_kept_late(world: World) -> None:
    """A slow line loses the deadline, never the bid."""
    file = await world.files.create(world.grant, 3, "a")
    world.node.clock.set(DEADLINE + timedelta(seconds=1))
    await world.files.write(world.grant, file.file_id, 0, _three())
    submitted = await world.files.submit(world.grant, [file.file_id])
    assert submitted.stored.verdict == Verdict.VERDICT_LATE


async def test_begun_after_the_deadline_is_refused_with_a_proof(world: World) -> None:
    """FED-5011, nothing on the disk, one proof however often it is tried."""
    world.node.clock.set(DEADLINE)
    for creation in (
        world.files.create(world.grant, 3, "a"),
        world.files.create(world.grant, 3, "a"),
        world.files.create_with(world.grant, 3, "a", _three()),
    ):
        with pytest.raises(Refused) as refused:
            await creation
        assert refused.value.code == "FED-5011"
    (attempt,) = (await world.files.overview(world.grant)).attempts
    assert (await world.files.attempt(world.grant, 1)).proof == attempt.proof
    assert verify_receipt(attempt.proof, world.node.signer.verifier).accepted is False
    assert world.node.blobs.promised_bytes == 0


async def test_content_shared_with_an_ended_file_stays(world: World) -> None:
    """The same bytes in a submission, a whole file and an ended one: only the last lets go."""
    data = b"shared" * 50_000
    path = world.node.blobs.path_of(sha256(data).digest())
    first, second, third = [await world.upload(data, f"{n}") for n in range(3)]
    await world.files.terminate(world.grant, first)
    assert path.exists()
    await world.files.submit(world.grant, [second])
    await world.files.terminate(world.grant, third)
    assert path.read_bytes() == data
    other = world.book.add(grant_of(2))
    lone = await world.upload(b"lone" * 50_000, "lone", other)
    await world.files.terminate(other, lone)
    assert not world.node.blobs.path_of(sha256(b"lone" * 50_000).digest()).exists()


async def _three() -> AsyncIterator[bytes]:
    yield b"bid"
