"""Invariant 6: before an opening nothing that is emitted tells who uploaded what.

Real processes with DEBUG logs, distinctive words, both doors, refusals, replacing, a kill -9 and a
restart; then logs, command outputs, everything on the centre's disk, answers to strangers and
command lines are searched for those words in many forms. Afterwards one of two packages is opened:
its bids may then be read where they belong, and the other's nowhere.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lpse.intake.v1 import grants_pb2 as grants
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.grants_pb2_grpc import GrantsStub
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import open_local_channel
from tests.faults.asking import drained
from tests.faults.foundings import shared_founding
from tests.faults.handover import take_over
from tests.faults.scene import Scene, Wishes
from tests.faults.traces import command_lines, files_of, leaks
from tests.faults.world import BIN, STAGE, Founding, base_environment

pytestmark = pytest.mark.timeout(300)  # a story of real processes, told once for all tests

OPENED, SEALED = "QZX-88419-OPENED-377", "QZX-11702-SEALED-913"  # package codes
VENDORS = {OPENED: "CV Zyxwarna Qarbuno Satu", SEALED: "PT Kwizjaya Obralux Dua"}
FILES = {OPENED: "penawaran-zqjx-opened-04.rhs", SEALED: "penawaran-zqjx-sealed-09.rhs"}
EXTRA = {OPENED: "npwp-55.331.778.1-441.000", SEALED: "npwp-55.331.778.2-442.000"}
TUS = {"Tus-Resumable": "1.0.0"}
NODE_COMMANDS = (
    ("status",), ("doctor",), ("queue", "list"), ("queue", "list", "--parked"), ("link", "status"),
    ("recon", "list"), ("package", "list"), ("package", "get", SEALED), ("officer", "list"),
)  # fmt: skip
CENTRE_COMMANDS = (("node", "get", "lpse-pacitan"), ("recon", "list"))


@dataclass
class Run:
    """What happened, what was emitted before the opening, and after it."""

    tokens: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    before: dict[str, bytes] = field(default_factory=dict)
    before_centre: dict[str, bytes] = field(default_factory=dict)
    own: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    after_centre: dict[str, bytes] = field(default_factory=dict)
    node_files: dict[str, bytes] = field(default_factory=dict)
    backup: dict[str, bytes] = field(default_factory=dict)

    def words(self, *packages: str) -> list[str]:
        """What tells whose bid it is."""
        named = [table[one] for one in packages for table in (VENDORS, FILES, EXTRA)]
        return [*named, *(key for key in self.keys if any(one in key for one in packages))]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The whole story, played once."""
    founding = shared_founding(tmp_path_factory, LOG__LEVEL="DEBUG")
    return asyncio.run(_play(founding, tmp_path_factory.mktemp("secrecy")))


def test_search_finds_what_is_there(run: Run) -> None:
    """The search is not blind: the node's own database and the vendor's own answers have it all."""
    node = leaks(run.node_files, run.words(OPENED, SEALED))
    assert {one.rpartition(": ")[2] for one in node} >= {*VENDORS.values(), *FILES.values()}
    assert leaks(run.own, [FILES[SEALED]]), "the vendor's own page does not name its own file"
    planted = {"log": base64.b64encode(b"x" + VENDORS[SEALED].encode() + b"yz")}
    assert leaks(planted, [VENDORS[SEALED]])


def test_nothing_emitted_before_opening_tells_whose_bid_it_is(run: Run) -> None:
    """Invariant 6: no log, output, answer to others or command line has a name, a file or a key."""
    assert leaks(run.before, run.words(OPENED, SEALED)) == []


def test_centre_knows_nobody_before_opening(run: Run) -> None:
    """Invariant 6: no byte on the centre's disk tells of a vendor, a file or a key."""
    assert leaks(run.before_centre, run.words(OPENED, SEALED)) == []


def test_no_log_names_a_package_at_any_level(run: Run) -> None:
    """Invariant 6: package codes are public, and which of them a log speaks of is not."""
    logs = {name: data for name, data in {**run.before, **run.after}.items() if ".log" in name}
    assert logs and any(b'"level": "debug"' in data for data in logs.values()), "no DEBUG lines"
    assert leaks(logs, [OPENED, SEALED]) == []


def test_secret_addresses_are_nowhere(run: Run) -> None:
    """Invariant 6: a grant's token is in no log, no database, no backup and no answer to others."""
    places = {**run.before, **run.before_centre, **run.after, **run.node_files, **run.backup}
    assert len(set(run.tokens)) == 3
    # The digest of a token is how the node knows it again: it opens nothing.
    assert leaks(places, run.tokens, digests=False) == []


def test_opening_reveals_its_own_package_alone(run: Run) -> None:
    """Invariant 6: the centre can read the opened package's bids now, and the other's still not."""
    revealed = leaks(run.after_centre, [VENDORS[OPENED], FILES[OPENED]])
    assert revealed, "an opening revealed nothing at the centre"
    assert leaks(run.after_centre, run.words(SEALED)) == []


def test_logs_stay_silent_after_opening(run: Run) -> None:
    """Invariant 6: what was opened is read in the journal, not in logs or strangers' answers."""
    assert leaks(run.after, run.words(OPENED, SEALED)) == []


async def _play(founding: Founding, folder: Path) -> Run:
    run = Run()
    scene = Scene(founding, Wishes(disks=False), random.Random(66))
    try:
        await scene.open()
        await scene.announce(OPENED, due_days=1)
        await scene.announce(SEALED, due_days=7)
        await _upload_all(scene, run)
        await scene.node.kill()
        scene.road.cut_after(1)
        await scene.revive()
        await _upload_all(scene, run)
        scene.road.mend()
        await drained(scene.node)
        run.before = await _emitted(scene, run, folder / "first")
        run.own = {"own state": await _get(f"{scene.node.address}/g/{run.tokens[1]}/state")}
        run.backup = files_of(folder / "first")
        run.before_centre = files_of(scene.centre.data)
        run.node_files = files_of(scene.node.data)
        await scene.step_legal_time(timedelta(days=2))
        await take_over(scene.node, OPENED)
        await drained(scene.node)
        run.after = await _emitted(scene, run, None)
        run.after_centre = files_of(scene.centre.data)
    finally:
        await scene.close()
    return run


async def _upload_all(scene: Scene, run: Run) -> None:
    """Through both doors, for both packages, with refusals; said again after a restart."""
    for package in (OPENED, SEALED):
        key = f"qzx-key-{package}"
        await _direct(scene, package, key, b"whole")
        await _direct(scene, package, f"{key}-broken", None)
        await _direct(scene, package, key, b"other bytes under a known key")
        token = await _grant(scene, package)
        if key not in run.keys:
            run.keys += [key, f"{key}-broken"]
            run.tokens.append(token)
        await asyncio.to_thread(_resumable, f"{scene.node.address}/g/{token}", FILES[package])
    if len(run.tokens) == 2:
        run.tokens.append(await _grant(scene, SEALED, "a rival"))


async def _direct(scene: Scene, package: str, key: str, content: bytes | None) -> None:
    """One upload over the local API; without content it breaks off."""
    details = {"vendor": VENDORS[package], "npwp": EXTRA[package]}
    begin = wire.BeginSubmission(
        intake_key=key,
        package=package,
        stage=STAGE,
        details_json=json.dumps(details).encode(),
        channel=wire.CHANNEL_DIRECT,
        files=[wire.DeclaredFile(name=FILES[package], size_bytes=len(content or b"12"))],
    )
    listed = [wire.UploadSubmissionRequest(begin=begin)]
    if content is not None:
        chunk = wire.FileChunk(file=0, data=content)
        listed.append(wire.UploadSubmissionRequest(chunk=chunk))
        listed.append(wire.UploadSubmissionRequest(finish=wire.FinishSubmission()))
    async with open_local_channel(scene.node.socket) as channel:
        call = SubmissionsStub(channel).UploadSubmission(iter(listed))
        try:
            _ = [answer async for answer in call]
        except Exception as error:  # refusals are part of the story
            assert "FED-" not in str(error) or content != b"whole", error


async def _grant(scene: Scene, package: str, vendor: str = "") -> str:
    details = {"vendor": vendor or VENDORS[package], "npwp": EXTRA[package]}
    wish = grants.CreateGrantRequest(
        package=package,
        details_json=json.dumps(details).encode(),
        channel=wire.CHANNEL_DIRECT,
        request_id=f"request {package} {vendor}",
    )
    async with open_local_channel(scene.node.socket) as channel:
        made = await GrantsStub(channel).CreateGrant(wish)
    return str(made.url).rstrip("/").rpartition("/")[2]


def _resumable(base: str, name: str) -> None:
    """Two files handed in, one removed, one left lying, and wrong requests of every kind."""
    body = {**TUS, "Content-Type": "application/offset+octet-stream"}
    with httpx.Client(timeout=30, trust_env=False) as client:
        ids = []
        for number, size in enumerate((30_000, 500, 400, 300)):
            metadata = "filename " + base64.b64encode(f"{number}-{name}".encode()).decode()
            headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata}
            url = client.post(f"{base}/files", headers=headers).raise_for_status()
            place = str(httpx.URL(base).join(url.headers["Location"]))
            sent = bytes(size if number < 2 else size // 2)
            wrong = {**body, "Upload-Offset": "7", "Upload-Checksum": "sha1 AAAA"}
            assert client.patch(place, headers=wrong, content=sent).status_code >= 400
            right = {**body, "Upload-Offset": "0"}
            client.patch(place, headers=right, content=sent).raise_for_status()
            if number < 2:
                ids.append(place.rpartition("/")[2])
            if number == 2:
                client.delete(place, headers=TUS).raise_for_status()
        client.post(f"{base}/submit", json={"files": ids}).raise_for_status()
        client.post(f"{base}/submit", json={"files": ids[:1]})
        client.get(f"{base}/../{name}")
        client.post(f"{base}/files", headers={**TUS, "Upload-Length": "-1"})


async def _emitted(scene: Scene, run: Run, backup: Path | None) -> dict[str, bytes]:
    """Everything that anybody but the vendor gets to see; commands too where a backup is wanted."""
    found = {party.log.name: party.log.read_bytes() for party in scene.parties}
    rival = f"{scene.node.address}/g/{run.tokens[2]}"
    for path in (
        rival, f"{rival}/state", f"{rival}/receipts/1", f"{rival}/attempts/1.txt",
        f"{scene.node.address}/g/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/state",
        f"{scene.node.address}/verify", f"{scene.node.address}/keys", f"{scene.node.address}/",
        f"http://127.0.0.1:{scene.node.http_port}/readyz",
        f"http://127.0.0.1:{scene.node.http_port}/metrics",
        f"http://127.0.0.1:{scene.centre.http_port}/readyz",
    ):  # fmt: skip
        found[path.replace(run.tokens[2], "TOKEN")] = (await _get(path)).replace(
            run.tokens[2].encode(), b"its own token"
        )
    node, people = scene.node.environment, {"LKPPCTL_HOME": str(scene.folder / "sri")}
    asked = [("lpse-node", words, node) for words in NODE_COMMANDS]
    asked += [("lpse-node", ("backup", "create", str(backup)), node)]
    asked += [("lkppctl", words, people) for words in CENTRE_COMMANDS]
    asked = asked if backup is not None else asked[:2]
    said = await asyncio.gather(*(_say(*one) for one in asked))
    found |= {" ".join(one[1]): text for one, text in zip(asked, said, strict=True)}
    found |= command_lines([one.process.pid for one in scene.parties if one.process is not None])
    return found


async def _say(program: str, words: tuple[str, ...], environment: dict[str, str]) -> bytes:
    """What a command prints, also where it refuses."""
    ran: Any = await asyncio.to_thread(
        subprocess.run,
        [str(BIN / program), *words, "-o", "json"],
        capture_output=True,
        timeout=60,
        env={**base_environment(), **environment},
        check=False,
    )
    return bytes(ran.stdout) + bytes(ran.stderr)


async def _get(url: str) -> bytes:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        answer = await client.get(url)
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return headers.encode() + b"\n" + answer.content
