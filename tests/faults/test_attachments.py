"""An officer decides with a letter at a real node, by the real commands, and reads it back."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from lpse.federation.notes import Signer
from lpse.federation.reconciliation_rules import entry, evidence
from lpse.federation.v1 import records_pb2 as records
from lpse.runtime import tls
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.sqlite import Database
from lpse.storage.journal import Journal
from regional_node.reconciliation.decided import DecidedRuns
from tests.faults.conftest import Copy
from tests.faults.world import BIN, ROOT, Node, base_environment, call

RUN = "recon/lpse-pacitan/"
LETTER = b"%PDF-1.7 " + bytes(range(256)) * 3_000
DIGEST = hashlib.sha256(LETTER).hexdigest()
LOST = entry(
    "R-BLOB-NODE-MISSING",
    "blob 12ab",
    evidence(found="MISSING"),
    evidence(found=None),
    "no good copy found, a person must look",
    1,
    found="missing",
)


async def _find(node: Node) -> str:
    """While the daemon is away: one run that waits for a person; its name."""
    database = await Database.open(node.data / "node.db", ROOT / "regional_node" / "migrations")
    try:
        clock, key = SystemClock(), tls.load_signing_key(node.data / "identity" / tls.SIGNING_KEY)
        journal = Journal(database, Signer(node.name, key), clock, SystemEntropy(), exercise=True)
        await journal.open()
        heads = (lambda: None, lambda: None)
        runs = DecidedRuns(database, journal, clock, heads, software_version="test")
        trigger = records.RECONCILIATION_TRIGGER_SCRUB
        await database.write(lambda tx: runs.decided_in(tx, trigger, [LOST]))
        found = "SELECT max(number) FROM recon_runs"
        ((number,),) = await database.read(lambda tx: tx.execute(found))
        return f"{RUN}{number}"
    finally:
        await database.close()


class Officer:
    """What an admin of the node types."""

    def __init__(self, node: Node, folder: Path) -> None:
        self._node = node
        self.key = folder / "tono.key"
        words = ("officer", "add", "tono", "--role", "admin", "--key-out", str(self.key))
        call("lpse-node", *words, environment=node.environment)

    def resolve(self, run: str, *more: str) -> list[str]:
        why = ("--choice", "acknowledge", "--reason", "the vendor has a copy")
        who = ("--as", "tono", "--key", str(self.key))
        return ["recon", "resolve", run, "--entry", "0", *why, *who, *more]

    def told(self, *words: str) -> Any:
        return call("lpse-node", *words, environment=self._node.environment)

    def refused(self, *words: str, lang: str = "C.UTF-8") -> str:
        """What the command says on its way out."""
        ran = subprocess.run(
            [str(BIN / "lpse-node"), *words],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            env={**base_environment(), **self._node.environment, "LANG": lang},
            check=False,
        )
        assert ran.returncode != 0 and "FED-8024" not in ran.stderr, ran.stderr
        return ran.stderr


async def test_a_letter_outlives_the_daemon_and_a_changed_byte_is_told(copy: Copy) -> None:
    """Attached, killed, read back; in the backup; what changed on the disk is never given out."""
    _, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    run, home = await _find(node), node.data.parent
    letter, out = home / "surat 12.pdf", home / "back.pdf"
    letter.write_bytes(LETTER)
    await node.start()
    officer = Officer(node, home)
    os.mkfifo(home / "pipe")
    pipe = officer.resolve(run, "--attachment", str(home / "pipe"))
    assert "FED-7015" in officer.refused(*pipe), "nobody writes to it, and nobody waits"
    assert not officer.told("recon", "resolutions")
    done = officer.told(*officer.resolve(run, "--attachment", str(letter)))
    assert done["record"]["attachment_name"] == letter.name
    await node.kill()
    await node.start()
    (row,) = officer.told("recon", "resolutions", "--run", run)
    record = row["record"]
    assert (record["attachment_digest"], record["attachment_bytes"]) == (DIGEST, len(LETTER))
    read = ["recon", "attachment", row["name"], "--out", str(out)]
    _plain(node, *read)
    assert out.read_bytes() == LETTER
    assert "sudah ada" in officer.refused(*read, lang="id_ID.UTF-8")
    table = _plain(node, "recon", "resolutions", lang="id_ID.UTF-8")
    assert "Lampiran" in table and letter.name in table
    officer.told("backup", "create", str(home / "saved"))
    stored = Path("blobs") / "sha256" / DIGEST[:2] / DIGEST
    assert (home / "saved" / stored).read_bytes() == LETTER
    out.unlink()
    (node.data / stored).write_bytes(LETTER[:-1] + b"!")
    told = officer.refused(*read, lang="id_ID.UTF-8")
    assert "FED-7034" in told and "berubah" in told
    assert not out.exists()
    officer.told(*officer.resolve(run, "--attachment", str(letter), "--corrects", row["name"]))
    _plain(node, *read)
    assert out.read_bytes() == LETTER, "the original file, brought again, counts for both"
    assert await node.stop() == 0, node.tail()


def _plain(node: Node, *words: str, lang: str = "C.UTF-8") -> str:
    """What a command prints for people, once it has done what it should."""
    ran = subprocess.run(
        [str(BIN / "lpse-node"), *words],
        capture_output=True,
        text=True,
        timeout=60,
        env={**base_environment(), **node.environment, "LANG": lang},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
