"""What an admin attaches to a decision is signed for, stays durably, and can be read back."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.acts import Deed, verify_act
from lpse.federation.errors import Denied, FederationError, NotFound, Refused
from lpse.federation.limits import (
    RESOLUTION_ATTACHMENT_BYTES_MAX,
    RESOLUTION_ATTACHMENTS_UNUSED_MAX,
)
from lpse.federation.v1 import records_pb2 as records
from lpse.intake.v1 import resolutions_pb2 as api
from lpse.runtime.sqlite import Database
from lpse.runtime.tls import public_bytes
from regional_node.reconciliation.resolutions_store import resolved_in
from regional_node.reconciliation.resolving import ACT, resolution_digest
from regional_node.restored import MissingBlob, RestoredEntry
from tests.regional_node.reconciliation.deciding import MIGRATIONS, NODE, RUN, Node

LETTER = b"%PDF-1.7 " + bytes(range(256)) * 2_000
DIGEST = hashlib.sha256(LETTER).digest()


def attached(content: bytes = LETTER, name: str = "surat 12.pdf") -> dict[str, Any]:
    return {
        "attachment_name": name,
        "attachment_digest": hashlib.sha256(content).digest(),
        "attachment_bytes": len(content),
    }


@dataclass
class Sink:
    """The answering side of a stream."""

    data: bytearray = field(default_factory=bytearray)

    async def write(self, piece: api.ReadAttachmentResponse) -> None:
        self.data += piece.data


async def bring(node: Node, content: bytes = LETTER) -> api.UploadAttachmentResponse:
    async def pieces() -> AsyncIterator[api.UploadAttachmentRequest]:
        for begin in range(0, len(content), 1 << 18):
            yield api.UploadAttachmentRequest(data=content[begin : begin + (1 << 18)])

    return await node.service.UploadAttachment(pieces(), None)  # type: ignore[arg-type] # reads no context


async def read(node: Node, name: str = "resolutions/1") -> bytes:
    sink = Sink()
    await node.service.ReadAttachment(api.ReadAttachmentRequest(name=name), sink)  # type: ignore[arg-type] # it only writes
    return bytes(sink.data)


async def kept(node: Node) -> set[bytes]:
    rows = await node.database.read(lambda tx: tx.execute("SELECT digest FROM kept_blobs"))
    return {bytes(digest) for (digest,) in rows}


def test_without_an_attachment_the_signed_digest_is_what_it_was() -> None:
    """Signatures of older programs stay valid, byte for byte."""
    request = api.ResolveEntryRequest(
        run=RUN, choice="ACKNOWLEDGE", reason="the vendor has a copy", corrects="resolutions/1"
    )
    known = "b5f86dac6df05709a5a534482612f80e64c8f187bfebfbebf7896775f32dca70"
    assert resolution_digest(request).hex() == known


async def test_the_admin_signs_for_name_size_and_digest(node: Node) -> None:
    """All three stand in the journal, under a signature that counts for exactly them."""
    assert (await bring(node)).digest == DIGEST
    found = await node.resolve(**attached())
    ((_, journalled),) = await node.entries()
    record = records.ReconciliationResolved.FromString(journalled.payload)
    assert record == found.record
    told = record.attachment_name, record.attachment_digest, record.attachment_bytes
    assert told == ("surat 12.pdf", DIGEST, len(LETTER))
    signed = api.ResolveEntryRequest(
        run=RUN, choice=record.choice, reason=record.reason, **attached()
    )
    deed = Deed(NODE, ACT, resolution_digest(signed))
    verify_act(record.acts[0], public_bytes(node.keys["tono"]), deed)
    assert await read(node) == LETTER


@pytest.mark.parametrize(
    "change",
    [{"attachment_name": "surat 13.pdf"}, {"attachment_digest": bytes(32)}, None],
)
async def test_another_attachment_than_the_signed_one_is_refused(
    node: Node, change: dict[str, Any] | None
) -> None:
    """Neither another name, nor other bytes, nor none at all under the same signature."""
    await bring(node)
    before = node.journal.head
    request = api.ResolveEntryRequest(run=RUN, choice="KEEP_BOTH", reason="seen", **attached())
    request.act.CopyFrom(node.sign("tono", resolution_digest(request)))
    for name in attached():
        if change is None:
            request.ClearField(name)  # type: ignore[arg-type] # one of its fields
        elif name in change:
            setattr(request, name, change[name])
    with pytest.raises((Denied, NotFound)) as caught:
        await node.send(request)
    assert caught.value.code == "FED-3101"
    assert node.journal.head == before


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (attached(b"never brought"), "FED-7015"),
        (attached() | {"attachment_bytes": 5}, "FED-7015"),
        (attached() | {"attachment_bytes": 0}, "FED-7015"),
        (attached() | {"attachment_name": ""}, "FED-7015"),
        (attached() | {"attachment_digest": b""}, "FED-7015"),
        (attached() | {"attachment_digest": b"short"}, "FED-7015"),
        (attached(name="../surat.pdf"), "FED-7015"),
        (attached(name="surat\x1b[2J.pdf"), "FED-7015"),
        (attached(name="surat\u202efdp.exe"), "FED-7015"),
        (attached(name="s" * 121), "FED-7015"),
        ({"attachment_bytes": 5}, "FED-7015"),
    ],
)
async def test_an_attachment_that_cannot_be_named_decides_nothing(
    node: Node, fields: dict[str, Any], code: str
) -> None:
    """Nothing is journalled; the same person may decide right after."""
    await bring(node)
    before = node.journal.head
    with pytest.raises(FederationError, match=code):
        await node.resolve(**fields)
    assert node.journal.head == before
    await node.resolve(**attached())


@pytest.mark.parametrize("content", [b"", bytes(RESOLUTION_ATTACHMENT_BYTES_MAX + 1)])
async def test_an_empty_or_too_large_one_is_not_taken(node: Node, content: bytes) -> None:
    """Invariant 12: nothing of it stays."""
    with pytest.raises(Refused, match="FED-7015"):
        await bring(node, content)
    assert not await kept(node)
    assert not [path for path in (node.folder / "blobs").rglob("*") if path.is_file()]


async def test_the_largest_one_is_taken_and_comes_back(node: Node) -> None:
    """Exactly as large as the centre takes them."""
    content = bytes(range(256)) * (RESOLUTION_ATTACHMENT_BYTES_MAX // 256)
    await bring(node, content)
    await node.resolve(**attached(content))
    assert await read(node) == content


async def test_a_changed_byte_is_never_given_back(node: Node) -> None:
    """The scrub hears of it; the original file, brought once more, counts again."""
    await bring(node)
    await node.resolve(**attached())
    path = node.shelf.blobs.path_of(DIGEST)
    path.write_bytes(LETTER[:-1] + b"!")
    with pytest.raises(Refused, match="FED-7034"):
        await read(node)
    path.unlink()
    with pytest.raises(NotFound, match="FED-7034"):
        await read(node)
    assert node.shelf.suspected == [DIGEST, DIGEST]
    await bring(node)
    await node.resolve(corrects="resolutions/1", **attached())
    assert await read(node) == await read(node, "resolutions/2") == LETTER


async def test_only_the_newest_that_no_decision_names_are_kept(node: Node) -> None:
    """Invariant 12: a named one stays, however many come after it; unnamed ones make room."""
    await bring(node)
    await node.resolve(**attached())
    many = [b"%d" % number for number in range(RESOLUTION_ATTACHMENTS_UNUSED_MAX + 2)]
    for content in many:
        node.clock.advance(1)
        await bring(node, content)
    digests = [hashlib.sha256(one).digest() for one in many]
    assert await kept(node) == {DIGEST, *digests[2:]}
    assert await node.shelf.blobs.missing([DIGEST, *digests]) == digests[:2]
    with pytest.raises(NotFound, match="FED-7015"):
        await node.resolve(corrects="resolutions/1", **attached(many[0]))


async def test_the_same_bytes_of_an_upload_are_not_removed(node: Node) -> None:
    """An unnamed attachment makes room only for its own sake."""
    await bring(node, b"0")
    shared = hashlib.sha256(b"0").digest()
    row = "INSERT INTO intake_blobs VALUES (?, 1, 1, 0, 0)"
    await node.database.write(lambda tx: tx.run(row, (shared,)))
    for number in range(RESOLUTION_ATTACHMENTS_UNUSED_MAX):
        node.clock.advance(1)
        await bring(node, b"more %d" % number)
    rows = await node.database.read(lambda tx: tx.execute("SELECT digest FROM recon_attachments"))
    assert (shared,) not in rows and shared in await kept(node)
    assert await node.shelf.blobs.verify(shared)


async def test_a_refused_upload_with_the_same_bytes_does_not_take_it_away(node: Node) -> None:
    """Whoever drops the same content finds that a row needs it."""
    await bring(node)
    await node.shelf.claims.hold(DIGEST)
    await node.shelf.claims.drop(DIGEST)
    assert await node.shelf.blobs.verify(DIGEST)


async def test_it_comes_back_with_the_journal(node: Node, tmp_path: Path) -> None:
    """A restored node vouches for it again and says which bytes to look after."""
    await bring(node)
    await node.resolve(**attached())
    ((index, one),) = await node.entries()
    record = records.ReconciliationResolved.FromString(one.payload)
    restored = await Database.open(tmp_path / "restored.db", MIGRATIONS)
    back = RestoredEntry(node.journal.epoch, index, one.kind, record, one.entry_id, one.record_time)
    for _ in range(2):
        found = await restored.write(lambda tx: resolved_in(tx, back))
        assert found.blobs == (MissingBlob(DIGEST, len(LETTER)),)
    rows = await restored.read(
        lambda tx: tx.execute("SELECT digest, size_bytes, named FROM recon_attachments")
    )
    assert rows == [(DIGEST, len(LETTER), 1)]
    await restored.close()


async def test_unknown_decisions_and_those_without_one_are_told(node: Node) -> None:
    """FED-7013 for the name, FED-7015 where nothing was attached."""
    await node.resolve()
    with pytest.raises(NotFound, match="FED-7015"):
        await read(node)
    for name in ("resolutions/2", "resolutions/x", "", "resolutions/" + "9" * 40):
        with pytest.raises(NotFound, match="FED-7013"):
            await read(node, name)
