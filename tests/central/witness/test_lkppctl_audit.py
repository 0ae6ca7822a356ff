"""What an auditor sees from the command line: witnesses, exports, checkpoints out of files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import grpc

from central.ledger.ledger import PREFIX, Ledger
from central.ledger.projector import Projector
from central.link.enrolled import EnrolledKeys
from central.link.store import LinkStore, Witness
from central.national.national import National
from central.reconciliation.recorder import CentralRuns
from central.witness.store import WitnessStore
from central.witness.wiring import Ground, open_witness, restorers
from lpse.federation.checkpoints import Head, cosign, head_to_note, sign_head
from lpse.federation.notes import Signer
from lpse.federation.v1.directives_pb2 import Beacon
from lpse.runtime import logs
from lpse.runtime.clock import SystemClock
from lpse.runtime.sqlite import Database
from lpse.runtime.tls import SIGNING_KEY, load_signing_key
from lpse.runtime.tls.enrolling import enrol
from lpse.storage.received import ReceivedJournals
from tests.central.operators.centre import Centre, lkppctl, running

NODE = "lpse-pacitan"


async def _one_node() -> int:
    return 1


class _NothingLost:
    """The port `Lost` of a centre that has every bundle."""

    def declined(self, node_id: str, digest: bytes) -> None:
        """Nobody was asked."""

    def look(self) -> None:
        """Nothing came back."""


async def _add_witnesses(centre: Centre, server: grpc.aio.Server) -> None:
    """The service over the centre's own parts, wired as in production."""
    database, clock = centre.database, SystemClock()
    log = logs.configure(stream=StringIO(), json=True)
    keys = EnrolledKeys(centre.admission, centre.enrolments)
    await centre.journal.append(Beacon(nonce=bytes(32)))
    national = National(database, centre.journal, centre.folder / "head", _one_node, clock, log)
    await national.open()
    projector = Projector(database, ReceivedJournals(database, PREFIX), [], clock, log)
    ledger = Ledger(database, projector, keys, exercise=False)
    await ledger.open()
    runs = CentralRuns(database, national, clock, log, software_version="test")
    ground = Ground(database, centre.journal, national, ledger, centre.admission, keys, clock, log)
    _, for_operators = open_witness(ground, restorers(86_400), runs, _NothingLost())
    for_operators.register(server)


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[tuple[Centre, Path, Signer]]:
    """A centre with one enrolled node, the home of an operator, and the node's key."""
    async with running(folder, _add_witnesses) as centre:
        home = folder / "home"
        create = ("context", "create", "siti", "--enrolment", centre.enrolment, "--code", "-")
        made = await lkppctl(home, *create, stdin=centre.invitations["siti"])
        assert made.status == 0, made.err
        where = ("--province", "ID-JI", "--zone", "Asia/Jakarta")
        code = await lkppctl(home, "enrol", "create", NODE, *where, "-o", "json")
        assert code.status == 0, code.err
        await enrol(centre.enrolment, code.json["code"], folder / NODE, kind="node")
        signer = Signer(NODE, load_signing_key(folder / NODE / SIGNING_KEY))
        yield centre, home, signer


async def _seen(database: Database, head: Head, signer: Signer) -> None:
    word = cosign(head, signer, 1_427_414_400)
    await LinkStore(database).witnessed([Witness(signer.name, head, word)])


def _note(folder: Path, name: str, head: Head, signer: Signer) -> Path:
    path = folder / name
    path.write_bytes(head_to_note(head, signer.verifier))
    return path


async def test_witnesses_are_listed_and_exported(tmp_path: Path) -> None:
    """Who has seen what is a list, and a file of C2SP checkpoints that `verify` reads again."""
    async with office(tmp_path) as (centre, home, signer):
        shown = await lkppctl(home, "audit", "list", "-o", "json")
        assert shown.json[0]["state"] == "NEVER", shown.err
        await _seen(centre.database, centre.journal.head, signer)
        shown = await lkppctl(home, "audit", "list", "-o", "json")
        [row] = shown.json
        assert (row["node_id"], row["head"]["size"]) == (NODE, centre.journal.head.size)
        human = await lkppctl(home, "audit", "list", lang="id_ID")
        assert "Sebagai saksi" in human.out
        target = tmp_path / "export.txt"
        made = await lkppctl(home, "audit", "export", "--file", str(target))
        assert made.status == 0, made.err
        text = target.read_text("utf-8")
        assert f"— {NODE} " in text and "words of 1 node" in text
        again = await lkppctl(home, "audit", "verify", "--against", str(target), "-o", "json")
        assert again.status == 0, again.err
        assert {one["standing"] for one in again.json} == {"CONTAINED"}


async def test_another_history_in_a_file_is_found_and_kept(tmp_path: Path) -> None:
    """Exit status 4, both roots on the screen, evidence in the database, a run in the log."""
    async with office(tmp_path) as (centre, home, _):
        own = centre.journal.head
        other = sign_head(centre.signer, own.epoch, own.size, bytes(31) + b"x")
        receipt = json.dumps({"receipt": head_to_note(other, centre.signer.verifier).decode()})
        path = tmp_path / "receipt.json"
        path.write_text(receipt, "utf-8")
        for _ in range(2):
            told = await lkppctl(home, "audit", "verify", "--against", str(path), "-o", "json")
            assert told.status == 4 and "FED-2461" in told.err
            assert told.json[0]["standing"] == "FORKED"
            assert own.root.hex() in told.err and "receipt.json" in told.err
        [finding] = await WitnessStore(centre.database).findings()
        assert (finding.head, finding.own_head) == (other, own)
        rows = await centre.database.read(
            lambda tx: tx.execute("SELECT count(*) FROM recon_central_runs")
        )
        assert rows == [(1,)]


async def test_what_cannot_be_compared_accuses_nobody(tmp_path: Path) -> None:
    """A newer head, a stranger's journal and a forged signature are told apart, with status 0."""
    async with office(tmp_path) as (centre, home, _):
        own, stranger = centre.journal.head, Signer.from_seed("lpse-x", bytes(32))
        forger = Signer.from_seed("lkpp", bytes(32))
        beyond = sign_head(centre.signer, own.epoch, own.size + 9, bytes(31) + b"x")
        foreign = sign_head(stranger, own.epoch, 3, bytes(31) + b"x")
        forged = sign_head(forger, own.epoch, own.size, bytes(31) + b"x")
        files = [
            _note(tmp_path, "beyond", beyond, centre.signer),
            _note(tmp_path, "foreign", foreign, stranger),
            _note(tmp_path, "forged", forged, forger),
        ]
        flags = [word for path in files for word in ("--against", str(path))]
        told = await lkppctl(home, "audit", "verify", *flags, "-o", "json")
        assert told.status == 0, told.err
        assert [one["standing"] for one in told.json] == ["BEYOND", "UNKNOWN", "NOT_SIGNED"]
        assert not await WitnessStore(centre.database).findings()


async def test_two_files_are_compared_without_the_centre(tmp_path: Path) -> None:
    """Offline, only the given keys count; two histories end with status 4, no key with status 3."""
    signer = Signer.from_seed("lkpp", bytes(32))
    home = tmp_path / "home"
    one = _note(tmp_path, "one", sign_head(signer, bytes(16), 7, bytes(32)), signer)
    other = _note(tmp_path, "other", sign_head(signer, bytes(16), 7, bytes(31) + b"x"), signer)
    both = ("--against", str(one), "--against", str(other), "--offline", "-o", "json")
    found = await lkppctl(home, "audit", "verify", *both, "--key", signer.verifier.text)
    assert found.status == 4 and "FED-2461" in found.err
    keyless = await lkppctl(home, "audit", "verify", *both)
    assert keyless.status not in (0, 4) and "FED-2103" in keyless.err
    alone = ("--against", str(one), "--offline", "--key", signer.verifier.text, "-o", "json")
    assert (await lkppctl(home, "audit", "verify", *alone)).status == 0
    empty = tmp_path / "empty"
    empty.write_text("nothing", "utf-8")
    nothing = await lkppctl(home, "audit", "verify", "--against", str(empty), "--offline")
    assert nothing.status != 0 and "FED-2460" in nothing.err
