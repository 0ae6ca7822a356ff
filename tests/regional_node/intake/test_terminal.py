"""The commands of people at the node, as real processes against a real daemon."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.regional_node.intake.node import CODE
from tests.regional_node.intake.processes import command, daemon

DETAILS = b'{"vendor": "PT Sumber Makmur", "npwp": "01.234"}'


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    data = tmp_path / "data"
    data.mkdir()
    async with daemon(data):
        yield data


@pytest.fixture
def bid(tmp_path: Path) -> Path:
    path = tmp_path / "penawaran.rhs"
    path.write_bytes(os.urandom(1_500_000))
    return path


async def test_upload_show_verify(folder: Path, bid: Path, tmp_path: Path) -> None:
    """A vendor uploads, repeats, gets the receipt, and checks it without the daemon."""
    receipt, key = tmp_path / "receipt.txt", tmp_path / "node.pub"
    arguments = ("upload", str(bid), "--package", CODE, "--details", "-")
    first = await command(
        folder, *arguments, "--receipt", str(receipt), "-o", "json", stdin=DETAILS
    )
    assert first.code == 0, first.err
    accepted = json.loads(first.out)
    assert accepted["verdict"] == "ON_TIME"
    assert accepted["receipt"] == receipt.read_text()
    again = await command(folder, *arguments, "-o", "json", stdin=DETAILS)
    assert json.loads(again.out) == {**accepted, "repeated": True}
    name = accepted["name"].removeprefix("submissions/")
    shown = await command(folder, "receipt", "show", name, "--public-key", str(key))
    assert shown.out == receipt.read_text()
    nowhere = tmp_path / "nowhere"
    offline = ("receipt", "verify", str(receipt), str(bid), "--public-key")
    good = await command(nowhere, *offline, str(key), "-o", "json")
    assert good.code == 0, good.err
    assert json.loads(good.out)["details"]["vendor"] == "PT Sumber Makmur"
    assert (await command(nowhere, *offline, key.read_text().strip())).code == 0
    bid.write_bytes(b"another")
    bad = await command(nowhere, *offline, str(key))
    assert bad.code == 1
    assert "FED-5104" in bad.err


async def test_wrong_input_has_a_code_and_sends_nothing(
    folder: Path, bid: Path, tmp_path: Path
) -> None:
    """Each mistake at the terminal is told with its code on stderr, and stdout stays empty."""
    details = tmp_path / "details.json"
    details.write_bytes(DETAILS)
    other = tmp_path / "other" / "penawaran.rhs"
    other.parent.mkdir()
    other.write_bytes(b"x")
    package, given = ("--package", CODE), ("--details", str(details))
    cases = {
        "FED-5017": [str(tmp_path / "missing"), *package, *given],
        "FED-5002": [str(bid), str(other), *package, *given],
        "FED-5016": [str(bid), "--package", "no code", *given],
        "FED-4101": [str(bid), "--package", "999", *given],
        "FED-5005": [str(bid), *package, *given, "--key", "short"],
        "FED-5007": [str(bid), *package, *given, "--channel", "bidding-room"],
        "FED-5001": [str(bid), *package, "--details", "-"],
    }
    ended = await asyncio.gather(*(command(folder, "upload", *case) for case in cases.values()))
    for code, one in zip(cases, ended, strict=True):
        assert code in one.err, one.err
        assert one.code == {"FED-4101": 3, "FED-5005": 2}.get(code, 1)
        assert one.out == ""
    assert "missing" in ended[0].err
    assert (await command(tmp_path / "nowhere", "upload", str(bid), *package, *given)).code == 6


async def test_a_pipe_or_folder_is_no_bid(folder: Path, tmp_path: Path) -> None:
    """Only regular files are uploaded; a pipe does not block the command."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        ended = await command(
            folder, "upload", str(path), "--package", CODE, "--details", "-", stdin=DETAILS
        )
        assert "FED-5017" in ended.err


async def test_the_queue_is_listed(folder: Path) -> None:
    """The queue shows sizes, ages and sums; one item can be shown and retried."""
    listed = await command(folder, "queue", "list", "-o", "json")
    document = json.loads(listed.out)
    (item,) = document["items"]
    assert item["size_bytes"] == 10
    assert document["waiting_bytes"] == 6
    shown, retried, missing = await asyncio.gather(
        command(folder, "queue", "get", item["name"], "-o", "json"),
        command(folder, "queue", "retry", item["name"], "-o", "name"),
        command(folder, "queue", "get", "queue/" + "ab" * 32),
    )
    assert json.loads(shown.out)["state"] == "WAITING"
    assert retried.out.strip() == item["name"]
    assert missing.code == 3


async def test_open_a_package(tmp_path: Path, bid: Path) -> None:
    """After the deadline a package is written to a folder, checked, and confirmed."""
    data, out = tmp_path / "data", tmp_path / "opened"
    data.mkdir()
    upload = ("upload", str(bid), "--package", CODE, "--details", "-")
    openings = ("package", "open", CODE, "--out", str(out))
    async with daemon(data):
        assert (await command(data, *upload, stdin=DETAILS)).code == 0
        early = await command(data, *openings)
        assert "FED-5201" in early.err
        assert not out.exists()
    async with daemon(data, "1"):
        late = await command(data, *upload, "--key", "another-key", stdin=DETAILS)
        assert "FED-5011" in late.err
        assert "receipt show another-key" in late.err
        opened = await command(data, *openings, "--confirm", "-o", "json")
        assert opened.code == 0, opened.err
        assert "FED-5206" in (await command(data, *openings)).err
    document = json.loads(opened.out)
    assert document["submissions"] == document["attempts"] == 1
    assert document["confirm_time"]
    (folder,) = [path for path in out.iterdir() if path.name == "0001"]
    assert (folder / "files" / bid.name).read_bytes() == bid.read_bytes()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["details"]["vendor"] == "PT Sumber Makmur"
    assert manifest["verdict"] == "ON_TIME"
    assert (folder / "receipt.txt").read_text().startswith("lpse-federation receipt v1\n")
    assert (out / "attempts" / "0001.txt").read_text().startswith("lpse-federation attempt v1\n")


async def test_what_the_clock_cannot_decide_is_told(tmp_path: Path, bid: Path) -> None:
    """An undetermined bid is told at the upload, counted at the opening, and left to the Pokja."""
    data, out = tmp_path / "data", tmp_path / "opened"
    data.mkdir()
    async with daemon(data, "-1", "30"):
        upload = ("upload", str(bid), "--package", CODE, "--details", "-")
        uploaded = await command(data, *upload, stdin=DETAILS)
        assert uploaded.code == 0, uploaded.err
        assert "the Pokja decides" in uploaded.err
    async with daemon(data, "60"):
        opened = await command(data, "package", "open", CODE, "--out", str(out))
        assert opened.code == 0, opened.err
        assert "The Pokja decides" in opened.err
    manifest = json.loads((out / "0001" / "manifest.json").read_text())
    assert manifest["verdict"] == "UNDETERMINED"
    (judgement,) = manifest["judgements"]
    assert judgement["verdict"] == "UNDETERMINED"
    assert judgement["schedule_revision"] == 1
