"""`lpse-node receipt`: print, upgrade and offline check, as real processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpse.federation.receipt_codes import code_of
from tests.regional_node.intake.processes import command
from tests.regional_node.receipts.desk import CENTRE, FILES, Counter, open_counter


async def test_upgrade_and_verify_offline(tmp_path: Path) -> None:
    """Refused before the opening with the moment, then a file that checks anywhere."""
    data, nowhere = tmp_path / "data", tmp_path / "nowhere"
    data.mkdir()
    proof, node, centre = (tmp_path / name for name in ("p.tlog-proof", "node.pub", "centre.pub"))
    async with open_counter(data) as counter:
        grant, _ = await counter.grant()
        receipt = await counter.submit(grant)
        upgrade = ("receipt", "upgrade", grant.intake_key(1), "--out", str(proof))
        early = await command(data, *upgrade)
        assert (early.code, "FED-5109" in early.err, early.out) == (4, True, "")
        await counter.open()
        waiting = await command(data, *upgrade)
        assert (waiting.code, "FED-5110" in waiting.err) == (6, True)
        await counter.cosign()
        keys = ("--public-key", str(node), "--centre-key", str(centre))
        assert (await command(data, *upgrade, *keys)).code == 0
        printed = tmp_path / "receipt.pdf"
        show = ("receipt", "show", grant.intake_key(1), "--pdf", str(printed))
        shown = await command(data, *show, "-o", "json")
        assert json.loads(shown.out)["code"] == code_of(receipt)
        assert printed.read_bytes().startswith(b"%PDF-")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    bid = [str(tmp_path / name) for name in FILES]
    keys = ("--public-key", str(node), "--centre-key", str(centre))
    good = await command(
        nowhere, "receipt", "verify", bid[0], str(proof), bid[1], *keys, "-o", "json"
    )
    assert good.code == 0, good.err
    found = json.loads(good.out)
    assert (found["kind"], found["code"]) == ("PROOF", code_of(receipt))
    assert found["not_after_time"] == "2015-03-27T03:00:00Z"
    assert found["files_checked"] == 2
    assert centre.read_text().strip() == CENTRE.verifier.text
    half = await command(nowhere, "receipt", "verify", str(proof), "--public-key", str(node))
    assert (half.code, "FED-5117" in half.err) == (1, True)


@pytest.fixture
async def handed_out(counter: Counter, tmp_path: Path) -> tuple[str, str, str]:
    """Files of a receipt and of a bid, and the node's key."""
    grant, _ = await counter.grant()
    (tmp_path / "receipt.txt").write_bytes(await counter.submit(grant))
    (tmp_path / "bid.rhs").write_bytes(FILES["penawaran.rhs"])
    key = counter.node.signer.verifier.text
    return str(tmp_path / "receipt.txt"), str(tmp_path / "bid.rhs"), key


async def test_the_files_may_stand_in_any_order(
    handed_out: tuple[str, str, str], tmp_path: Path
) -> None:
    """FILE RECEIPT and RECEIPT FILE are the same check."""
    receipt, bid, key = handed_out
    outs = []
    for order in ((receipt, bid), (bid, receipt)):
        ended = await command(
            tmp_path, "receipt", "verify", *order, "--public-key", key, "-o", "json"
        )
        assert ended.code == 0, ended.err
        outs.append(json.loads(ended.out))
    assert outs[0] == outs[1]
    assert (outs[0]["files_checked"], outs[0]["kind"]) == (1, "RECEIPT")


async def test_files_without_a_receipt_are_told(
    handed_out: tuple[str, str, str], tmp_path: Path
) -> None:
    """Two bids and no receipt: FED-5116, not a guess."""
    _, bid, key = handed_out
    other = tmp_path / "other.rhs"
    other.write_bytes(b"other")
    ended = await command(tmp_path, "receipt", "verify", bid, str(other), "--public-key", key)
    assert (ended.code, "FED-5116" in ended.err, ended.out) == (1, True, "")
