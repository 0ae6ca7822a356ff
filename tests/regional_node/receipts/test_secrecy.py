"""Handing out receipts leaves no trace of whose they are: no log line, no error, no file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from lpse.federation.receipt_codes import code_of
from tests.regional_node.intake.node import CODE
from tests.regional_node.receipts.desk import FILES, VENDOR, Counter, open_counter


async def everything(counter: Counter) -> list[str]:
    """Ask for everything that can be asked for, also what fails; what must stay secret."""
    grant, token = await counter.grant()
    receipt = await counter.submit(grant)
    code = code_of(receipt)
    for form in ("", ".txt", ".json", ".pdf", ".proof", ".exe"):
        await counter.browser.get(f"/g/{token}/receipts/1{form}")
    await counter.browser.get("/verify", params={"code": code})
    await counter.browser.get("/verify", params={"code": code[:-1]})
    await counter.browser.post("/verify", data={"receipt": receipt.decode()})
    await counter.browser.post("/verify", data={"receipt": receipt.decode()[:-50], "digests": "x"})
    return [VENDOR, CODE, token, grant.name, code, *FILES]


async def test_no_log_line_names_anybody(
    counter: Counter, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """At the lowest level, of our own and of the libraries: standard output, error and logging."""
    caplog.set_level(logging.DEBUG)
    for noisy in ("httpx", "httpcore"):  # the browser of this test, not the node
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    secrets = await everything(counter)
    told = "".join(capfd.readouterr()) + caplog.text
    for secret in secrets:
        assert secret not in told


async def test_a_refusal_of_the_public_check_quotes_nothing(counter: Counter) -> None:
    """Its words are ours; what was pasted is not sent back where it was refused."""
    answer = await counter.browser.post("/verify", data={"receipt": "PT Rahasia " * 40})
    assert "PT Rahasia" not in answer.text


async def test_codes_on_disk_say_nothing_of_packages(tmp_path: Path) -> None:
    """The table of codes holds codes and numbers; prints leave no file behind."""
    before = {path.name for path in Path("/tmp").iterdir()}
    async with open_counter(tmp_path) as counter:
        await everything(counter)
        rows = await counter.node.database.read(
            lambda tx: tx.execute("SELECT * FROM receipt_codes")
        )
        assert [len(row) for row in rows] == [2]
    left = {path.name for path in Path("/tmp").iterdir()} - before
    assert not [name for name in left if "typst" in name or name.endswith(".pdf")]
