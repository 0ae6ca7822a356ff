"""What SPSE takes over lands in one folder, whole or not at all, under harmless names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.commitments import CommitmentInvalid
from lpse.federation.errors import FederationError
from lpse.federation.v1.records_pb2 import PackageOpened
from lpse.intake.v1 import submissions_pb2 as wire
from regional_node.cli.takeover import Takeover
from regional_node.cli.uploading import examine
from tests.regional_node.intake.node import CODE, DEADLINE, Node, journalled
from tests.regional_node.intake.uploads import Stub, begin, requests, upload

FILES = {
    "../../../evil.rhs": b"e" * 300_000,
    "A.rhs": b"1",
    "a.RHS": b"2" * 200_000,
    "CON": b"",
    "penawaran é.rhs": b"4",
}


@pytest.fixture
async def messages(node: Node, stub: Stub) -> list[wire.ReleaseSubmissionsResponse]:
    """A hand-over of two submissions and one attempt."""
    await upload(stub, requests(FILES))
    await upload(stub, requests(FILES, begin(FILES, key="key-00000002")))
    node.clock.set(DEADLINE + timedelta(seconds=1))
    await upload(stub, requests(FILES, begin(FILES, key="key-00000003")))
    request = wire.ReleaseSubmissionsRequest(package=CODE)
    return [one async for one in stub.ReleaseSubmissions(request)]


def take(target: Path, messages: list[wire.ReleaseSubmissionsResponse]) -> Takeover:
    takeover = Takeover(target)
    try:
        for message in messages:
            takeover.take(message)
        takeover.finish()
    finally:
        takeover.discard()
    return takeover


def manifests(target: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(target.glob("*/manifest.json")):
        yield path.parent, json.loads(path.read_text())


async def test_vendor_names_never_lead_out(
    tmp_path: Path, messages: list[wire.ReleaseSubmissionsResponse]
) -> None:
    """Names that vendors chose stay in the manifest; on disk each file lies in its folder."""
    target = tmp_path / "out"
    taken = take(target, messages)
    assert (taken.submissions, taken.unreadable) == (2, 0)
    assert sorted(path.name for path in target.iterdir()) == [
        "0001", "0002", "attempts", "package.json",
    ]  # fmt: skip
    for folder, manifest in manifests(target):
        files = manifest["files"]
        assert {one["name"]: (folder / one["path"]).read_bytes() for one in files} == FILES
        assert len(list((folder / "files").iterdir())) == len(FILES)
    assert not list(tmp_path.glob("*.draft-*"))
    assert not (tmp_path / "evil.rhs").exists()


async def test_bytes_that_changed_on_the_way_are_left_out(
    tmp_path: Path, messages: list[wire.ReleaseSubmissionsResponse]
) -> None:
    """Invariant 10: the receiver checks each digest; a wrong file is named, the others stay."""
    (first, *_) = [one for one in messages if one.HasField("chunk")]
    first.chunk.data = b"?" + first.chunk.data[1:]
    taken = take(tmp_path / "out", messages)
    assert taken.unreadable == 1
    errors = [
        one["error"] for _, manifest in manifests(tmp_path / "out") for one in manifest["files"]
    ]
    assert errors == ["FED-5207"] + [None] * 9


async def test_details_that_were_not_committed_to_are_refused(
    tmp_path: Path, messages: list[wire.ReleaseSubmissionsResponse]
) -> None:
    """A node that shows other details than it committed to is not believed."""
    messages[1].submission.details = messages[1].submission.details.replace(b"PT", b"CV")
    with pytest.raises(CommitmentInvalid):
        take(tmp_path / "out", messages)
    assert list(tmp_path.glob("out*")) == []


async def test_a_hand_over_that_breaks_off_leaves_no_folder(
    tmp_path: Path, messages: list[wire.ReleaseSubmissionsResponse]
) -> None:
    """Half a hand-over never looks like a whole one."""
    with pytest.raises(FederationError) as caught:
        take(tmp_path / "out", messages[:-1])
    assert caught.value.code == "FED-5208"
    assert list(tmp_path.glob("out*")) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    """Nothing is ever written over what somebody has already taken over."""
    (tmp_path / "old").write_text("kept")
    with pytest.raises(FederationError) as caught:
        Takeover(tmp_path)
    assert caught.value.code == "FED-5206"
    assert (tmp_path / "old").read_text() == "kept"


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """A file that grows, shrinks or is touched under the reader's eyes is not uploaded."""
    path = tmp_path / "bid.rhs"

    def changing(change: bytes) -> str:
        path.write_bytes(b"x" * 2_000_000)
        calls = iter([change])

        def progress(_: int) -> None:
            if (content := next(calls, None)) is not None:
                path.write_bytes(content)
                os.utime(path, (1, 1))  # a clock tick may be too coarse to show on its own

        try:
            examine(path, progress)
        except FederationError as error:
            return error.code
        return ""

    assert changing(b"x" * 2_000_001) == "FED-5018"
    assert changing(b"x" * 1_000) == "FED-5018"
    assert changing(b"y" * 2_000_000) == "FED-5018"
    assert examine(path, lambda _: None).size_bytes == 2_000_000


async def test_the_opening_itself_is_journalled_once(
    node: Node, messages: list[wire.ReleaseSubmissionsResponse]
) -> None:
    """Taking over does not depend on who asks how often: one entry reveals all three."""
    (record,) = await journalled(node, "package.opened")
    assert isinstance(record, PackageOpened)
    assert len(record.reveals) == 3
