"""Unpacking into slots and switching between them, on a real disk."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from deploy.demo import bundles as demo
from lpse.federation import limits
from lpse.federation.bundles import BundleError
from lpse.federation.errors import NotFound
from regional_node.upgrades.slots import NoSpace, SlotStore


@pytest.fixture
def slots(tmp_path: Path) -> SlotStore:
    store = SlotStore(tmp_path / "spse", 0)
    store.prepare()
    return store


def digest_of(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "spse" / "slots").iterdir())


def test_the_same_release_is_built_to_the_same_bytes(tmp_path: Path) -> None:
    """Two builds of a demo release have one digest, whatever the time and the folder."""
    first, second = (demo.build_bundle("3.6", tmp_path / name) for name in "ab")
    assert digest_of(first) == digest_of(second)


def test_bundle_becomes_a_slot(slots: SlotStore, bundles: dict[str, Path], tmp_path: Path) -> None:
    """Bytes and modes are those of the manifest; the name tells version and digest."""
    digest = digest_of(bundles["3.6"])
    slot = slots.unpack(bundles["3.6"], digest)
    assert slot.name == f"3.6-{digest.hex()[:12]}"
    for file in slot.manifest.files:
        path = slot.path / file.path
        assert hashlib.sha256(path.read_bytes()).digest() == file.sha256
        assert os.access(path, os.X_OK) == file.executable
    slots.verify(slot)
    assert slots.find(digest) == slot
    assert slots.unpack(bundles["3.6"], digest) == slot, "unpacking again is harmless"


def test_other_bytes_than_released_are_refused(
    slots: SlotStore, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """The digest of the whole file is checked before its structure is looked at."""
    with pytest.raises(BundleError) as caught:
        slots.unpack(bundles["3.6"], digest_of(bundles["3.0"]))
    assert caught.value.code == "FED-6003"
    assert names(tmp_path) == []


@pytest.mark.parametrize("target", ["../../../evil", "/tmp/evil-lpse"])
def test_path_that_leaves_the_slot_is_refused(
    slots: SlotStore, tmp_path: Path, target: str
) -> None:
    """Zip-slip: nothing is written inside or outside, even when the manifest plays along."""
    files = {**demo._files("3.6", demo.RELEASES["3.6"], []), target: b"evil"}
    refuse(slots, tmp_path, demo.pack(describe(files), files))
    assert not (tmp_path / "evil").exists()
    assert not Path("/tmp/evil-lpse").exists()


def test_link_that_leads_out_is_refused(slots: SlotStore, tmp_path: Path) -> None:
    """A link and a file behind it: the classic way out of a folder."""
    files = demo._files("3.6", demo.RELEASES["3.6"], [])
    with tarfile.open(fileobj=(target := io.BytesIO()), mode="w:gz") as archive:
        header = tarfile.TarInfo("hooks")
        header.type, header.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(header)
        for name, data in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    refuse(slots, tmp_path, target.getvalue())


def test_damage_found_late_leaves_nothing(slots: SlotStore, tmp_path: Path) -> None:
    """A wrong digest in the last file takes back what was already unpacked."""
    files = demo._files("3.6", demo.RELEASES["3.6"], [])
    described = describe(files)
    files["release.json"] = files["release.json"].replace(b"3.6", b"6.3")
    refuse(slots, tmp_path, demo.pack(described, files))


def test_oversized_bundle_is_refused(
    slots: SlotStore, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 12: a bundle larger than the limit is not even hashed."""
    monkeypatch.setattr(limits, "BUNDLE_BYTES_MAX", 100)
    with pytest.raises(BundleError, match="larger than 100"):
        slots.unpack(bundles["3.6"], b"\0" * 32)


def test_no_room_keeps_nothing(tmp_path: Path, bundles: dict[str, Path]) -> None:
    """Without room for the files and the reserve nothing is unpacked."""
    store = SlotStore(tmp_path / "spse", 1 << 60)
    store.prepare()
    with pytest.raises(NoSpace):
        store.unpack(bundles["3.6"], digest_of(bundles["3.6"]))
    assert names(tmp_path) == []


def test_left_overs_of_a_killed_unpacking_are_swept(
    slots: SlotStore, bundles: dict[str, Path], tmp_path: Path
) -> None:
    """A half-unpacked folder is never taken for a slot."""
    half = tmp_path / "spse" / "slots" / ".unpacking-3.6-0123456789ab"
    (half / "hooks").mkdir(parents=True)
    slots.prepare()
    assert names(tmp_path) == []


def test_changed_slot_is_noticed_and_replaced(slots: SlotStore, bundles: dict[str, Path]) -> None:
    """What is started is what was signed; a damaged slot not in use is unpacked anew."""
    digest = digest_of(bundles["3.6"])
    slot = slots.unpack(bundles["3.6"], digest)
    (slot.path / "service.py").write_text("changed")
    with pytest.raises(BundleError) as caught:
        slots.verify(slot)
    assert caught.value.code == "FED-6106"
    slots.verify(slots.unpack(bundles["3.6"], digest))


def test_switching_is_one_rename(slots: SlotStore, bundles: dict[str, Path]) -> None:
    """`current` names the old slot or the new one at every moment."""
    assert slots.current() is None
    old, new = (slots.unpack(bundles[v], digest_of(bundles[v])) for v in ("3.0", "3.6"))
    for slot in (old, new, new, old):
        slots.switch(slot)
        assert slots.current() == slot


def test_current_that_points_elsewhere_is_refused(slots: SlotStore, tmp_path: Path) -> None:
    """A link that somebody bent is not followed."""
    (tmp_path / "spse" / "current").symlink_to("/etc")
    with pytest.raises(NotFound):
        slots.current()


def test_old_slots_make_way(slots: SlotStore, bundles: dict[str, Path], tmp_path: Path) -> None:
    """Invariant 12: unpacked versions are kept up to a limit, those in use always."""
    kept = slots.unpack(bundles["3.0"], digest_of(bundles["3.0"]))
    for number in range(4):
        release = demo.RELEASES["3.6"]
        files = {**demo._files("3.6", release, []), "web/number": str(number).encode()}
        path = tmp_path / "one.tar.gz"
        path.write_bytes(demo.pack(describe(files), files))
        os.utime(slots.unpack(path, digest_of(path)).path, (number, number))
    slots.prune({kept.name})
    assert len(names(tmp_path)) == 1 + limits.SLOTS_KEPT_MAX
    assert kept.name in names(tmp_path)


def describe(files: dict[str, bytes]) -> dict[str, object]:
    return demo.manifest("3.6", demo.RELEASES["3.6"], files, 10)


def refuse(slots: SlotStore, tmp_path: Path, data: bytes) -> None:
    bundle = tmp_path / "bad.tar.gz"
    bundle.write_bytes(data)
    with pytest.raises(BundleError):
        slots.unpack(bundle, digest_of(bundle))
    assert names(tmp_path) == []
