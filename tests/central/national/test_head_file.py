"""The head file holds the newest head that anybody outside can know of."""

from __future__ import annotations

from pathlib import Path

from central.national.head_file import HeadFile
from lpse.federation.checkpoints import sign_head
from lpse.federation.merkle import leaf_hash
from lpse.federation.notes import Signer

CENTRE = Signer.from_seed("lkpp", bytes(32))


async def test_a_head_is_read_back_and_replaced_whole(tmp_path: Path) -> None:
    """The newest write wins and no draft is left behind."""
    file = HeadFile(tmp_path / "national.head", CENTRE.verifier, "boot 1")
    assert file.read() is None
    for size in (3, 4):
        head = sign_head(CENTRE, bytes(16), size, leaf_hash(bytes([size])))
        await file.write(head, proven=True)
        assert file.read() == head
    assert [path.name for path in tmp_path.iterdir()] == ["national.head"]


async def test_a_head_that_the_centre_did_not_sign_proves_nothing(tmp_path: Path) -> None:
    """A forged or damaged file counts as absent, so that the centre waits for its nodes."""
    path = tmp_path / "national.head"
    stranger = Signer.from_seed("lkpp", b"s" * 32)
    await HeadFile(path, stranger.verifier, "boot 1").write(
        sign_head(stranger, bytes(16), 9, leaf_hash(b"x")), proven=True
    )
    file = HeadFile(path, CENTRE.verifier, "boot 1")
    assert file.read() is None
    for damaged in ("", "[]", '{"party": 1}', path.read_text("utf-8")[:-20]):
        path.write_text(damaged, "utf-8")
        assert file.read() is None
        assert not file.of_this_boot()


async def test_a_file_speaks_for_the_boot_in_which_it_was_proven(tmp_path: Path) -> None:
    """After a boot the disk may be an older snapshot, with a file that agrees with its journal."""
    path = tmp_path / "national.head"
    first, second = (HeadFile(path, CENTRE.verifier, boot) for boot in ("boot 1", "boot 2"))
    assert not first.of_this_boot()
    head = sign_head(CENTRE, bytes(16), 3, leaf_hash(b"x"))
    await first.write(head, proven=True)
    assert first.of_this_boot()
    assert not second.of_this_boot()
    await second.write(head, proven=False)
    assert not second.of_this_boot()
    assert not HeadFile(path, CENTRE.verifier, "").of_this_boot()
