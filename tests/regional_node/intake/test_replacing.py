"""A later bid replaces an earlier one by name; both are kept, both are handed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpse.federation.receipts import verify_receipt
from lpse.intake.v1 import submissions_pb2 as wire
from tests.regional_node.intake.node import CODE, DEADLINE, Node, journalled, stored_files
from tests.regional_node.intake.processes import command, daemon
from tests.regional_node.intake.test_opening import release, submissions_in
from tests.regional_node.intake.uploads import KEY, VENDOR, Answers, Request, Stub, requests, upload
from tests.regional_node.intake.uploads import begin as first_of

SECOND, THIRD = "key-00000002", "key-00000003"


def replacing(
    earlier: str, key: str, *, vendor: str = VENDOR, package: str = CODE
) -> list[Request]:
    first = first_of(
        {"bid.rhs": key.encode()}, key=key, package=package, details={"vendor": vendor}
    )
    first.replaces = earlier
    return requests({"bid.rhs": key.encode()}, first)


async def accepted(stub: Stub, sent: list[Request]) -> wire.Submission:
    answers = await upload(stub, sent)
    assert answers.accepted is not None, answers.error
    return answers.accepted


async def test_a_chain_of_three_is_kept_and_handed_over(node: Node, stub: Stub) -> None:
    """Each newer bid says which one it replaces; every receipt stays valid; all three leave."""
    first = await accepted(stub, requests())
    second = await accepted(stub, replacing(KEY, SECOND))
    third = await accepted(stub, replacing(SECOND, THIRD))
    assert [one.replaces for one in (first, second, third)] == ["", KEY, SECOND]
    assert len(await journalled(node, "upload.accepted")) == 3
    node.clock.set(DEADLINE)
    handed = submissions_in(await release(stub))
    assert [one.submission.replaces for one in handed] == ["", KEY, SECOND]
    for told, one in zip((first, second, third), handed, strict=True):
        assert one.submission.receipt == told.receipt
        assert verify_receipt(told.receipt, node.signer.verifier).accepted
    document = json.loads(handed[2].details)
    assert document["replaces"] == SECOND


async def test_a_repeated_replacement_gets_the_same_receipt(node: Node, stub: Stub) -> None:
    """Invariant 3: the same replacing bid twice is one bid; without the word it is a conflict."""
    await accepted(stub, requests())
    once = await accepted(stub, replacing(KEY, SECOND))
    again = await accepted(stub, replacing(KEY, SECOND))
    assert (again.receipt, again.repeated) == (once.receipt, True)
    alone = await upload(stub, replacing("", SECOND))
    assert alone.code == "FED-5006"


async def refusals(stub: Stub) -> dict[str, Answers]:
    """Bids that replace what they may not."""
    return {
        "unknown": await upload(stub, replacing("key-unknown", SECOND)),
        "another vendor's": await upload(stub, replacing(KEY, SECOND, vendor="PT Lain")),
        "itself": await upload(stub, replacing(SECOND, SECOND)),
        "another package's": await upload(stub, replacing(KEY, SECOND, package="7781014")),
    }


async def test_nobody_learns_whether_a_foreign_bid_exists(node: Node, stub: Stub) -> None:
    """Invariant 6: unknown and foreign keys are refused in the same words, nothing is kept."""
    node.plan.codes = (CODE, "7781014")
    await accepted(stub, requests())
    kept = stored_files(node)
    told = await refusals(stub)
    assert {one.code for one in told.values()} == {"FED-5030"}
    assert len({one.error.message for one in told.values() if one.error}) == 1
    assert stored_files(node) == kept
    assert len(await journalled(node, "upload.accepted")) == 1
    for one in told.values():
        proof = verify_receipt(one.proof, node.signer.verifier)
        assert (proof.accepted, proof.document["reason"]) == (False, "INVALID")


@pytest.mark.parametrize("key", ["short", "no spaces allowed"])
async def test_what_is_no_key_cannot_be_replaced(node: Node, stub: Stub, key: str) -> None:
    """The name of an earlier bid has the form of an intake key."""
    assert (await upload(stub, replacing(key, SECOND))).code == "FED-5005"


async def test_replacing_at_the_terminal(tmp_path: Path) -> None:
    """`--replaces` is one word; the answer warns of an empty file and says where the receipt is."""
    data, bid = tmp_path / "data", tmp_path / "penawaran.rhs"
    data.mkdir()
    bid.write_bytes(b"")
    upload_it = ("upload", str(bid), "--package", CODE, "--details", "-", "--key")
    details = b'{"vendor": "PT Sumber Makmur"}'
    async with daemon(data):
        first = await command(data, *upload_it, KEY, stdin=details)
        assert first.code == 0, first.err
        assert "file 1 is empty" in first.err
        assert f"lpse-node receipt show {KEY}" in first.err
        again = await command(
            data, *upload_it, SECOND, "--replaces", KEY, "-o", "json", stdin=details
        )
        document = json.loads(again.out)
        assert document["replaces"] == KEY
        assert document["warnings"][0]["code"] == "EMPTY_FILE"
        foreign = await command(data, *upload_it, THIRD, "--replaces", "key-unknown", stdin=details)
        assert (foreign.code, "FED-5030" in foreign.err) == (1, True)
        wrong = await command(data, "queue", "get", "my-bid")
        assert (wrong.code, "FED-5032" in wrong.err) == (3, True)
        shown = await command(data, "receipt", "show", THIRD, "-o", "json")
        document = json.loads(shown.out)
        assert document["attempt_only"] is True
        assert document["attempts"] == [document["receipt"]]
