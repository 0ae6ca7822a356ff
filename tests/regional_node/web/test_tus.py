"""tus 1.0.0 over HTTP: methods, statuses, headers, and what a refusal leaves behind."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.regional_node.intake.node import DEADLINE
from tests.regional_node.web.scene import BODY, TUS, Scene, creation

DATA = bytes(range(256)) * 40


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    """The header for these bytes."""
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


async def test_file_in_pieces_is_whole_and_byte_identical(scene: Scene) -> None:
    """Invariant 1: HEAD says what is durable, and the stored file is the sent one."""
    _, path = await scene.grant()
    location = await scene.begin(path, len(DATA))
    for start in range(0, len(DATA), 4_000):
        looked = await scene.web.head(location, headers=TUS)
        assert looked.status_code == 200
        assert looked.headers["upload-offset"] == str(start)
        assert looked.headers["upload-length"] == str(len(DATA))
        assert looked.headers["cache-control"] == "no-store"
        piece = DATA[start : start + 4_000]
        headers = {**BODY, "Upload-Offset": str(start)}
        sent = await scene.web.patch(location, headers=headers, content=piece)
        assert sent.status_code == 204
        assert sent.headers["upload-offset"] == str(start + len(piece))
        assert sent.headers["tus-resumable"] == "1.0.0"
    state = (await scene.web.get(f"{path}/state")).json()
    assert state["files"][0]["sha256"] == hashlib.sha256(DATA).hexdigest()


async def test_options_announces_what_works(scene: Scene) -> None:
    """OPTIONS names version, extensions, checksums and the size of this grant, no more."""
    _, path = await scene.grant(bytes_max=12_345)
    answer = await scene.web.options(f"{path}/files")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    extensions = set(answer.headers["tus-extension"].split(","))
    assert extensions == {
        "creation", "creation-with-upload", "checksum", "termination", "expiration",
    }  # fmt: skip
    assert answer.headers["tus-max-size"] == "12345"
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"


async def test_another_version_changes_nothing(scene: Scene) -> None:
    """A request without tus 1.0.0 is refused with 412 and told which version is spoken."""
    _, path = await scene.grant()
    for version in ({}, {"Tus-Resumable": "0.2.2"}):
        headers = {k: v for k, v in creation(5).items() if k != "Tus-Resumable"} | version
        answer = await scene.web.post(f"{path}/files", headers=headers)
        assert answer.status_code == 412
        assert answer.headers["tus-version"] == "1.0.0"
    assert (await scene.web.get(f"{path}/state")).json()["files"] == []


async def test_creation_with_upload_takes_the_bytes_at_once(scene: Scene) -> None:
    """A body of the creating request counts, and the answer says how much of it is durable."""
    _, path = await scene.grant()
    headers = {**creation(len(DATA)), "Content-Type": "application/offset+octet-stream"}
    answer = await scene.web.post(f"{path}/files", headers=headers, content=DATA)
    assert answer.status_code == 201
    assert answer.headers["upload-offset"] == str(len(DATA))
    looked = await scene.web.head(answer.headers["location"], headers=TUS)
    assert looked.headers["upload-offset"] == str(len(DATA))


async def test_file_of_no_bytes_is_whole_at_once(scene: Scene) -> None:
    """An empty file needs no PATCH."""
    _, path = await scene.grant()
    location = await scene.begin(path, 0)
    looked = await scene.web.head(location, headers=TUS)
    assert (looked.headers["upload-offset"], looked.headers["upload-length"]) == ("0", "0")
    state = (await scene.web.get(f"{path}/state")).json()
    assert state["files"][0]["state"] == "WHOLE"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_checksum_guards_the_bytes_of_a_request(scene: Scene, algorithm: str) -> None:
    """Other bytes than the checksum's are answered with 460 and none of them counts."""
    _, path = await scene.grant()
    location = await scene.begin(path, len(DATA))
    headers = {**BODY, "Upload-Offset": "0", "Upload-Checksum": checksum(DATA, algorithm)}
    wrong = await scene.web.patch(location, headers=headers, content=DATA[:-1] + b"?")
    assert wrong.status_code == 460
    assert wrong.json()["code"] == "FED-5405"
    looked = await scene.web.head(location, headers=TUS)
    assert looked.headers["upload-offset"] == "0"
    right = await scene.web.patch(location, headers=headers, content=DATA)
    assert right.status_code == 204


async def test_wrong_offset_is_a_conflict(scene: Scene) -> None:
    """Bytes that do not begin where the file ends are refused with 409."""
    _, path = await scene.grant()
    location = await scene.begin(path, len(DATA))
    headers = {**BODY, "Upload-Offset": "7"}
    answer = await scene.web.patch(location, headers=headers, content=b"x")
    assert answer.status_code == 409
    assert answer.headers["tus-resumable"] == "1.0.0"


async def test_terminated_file_is_gone(scene: Scene) -> None:
    """DELETE ends a file; afterwards it is 410 and its proof of attempt can be fetched."""
    _, path = await scene.grant()
    location = await scene.begin(path, len(DATA))
    headers = {**BODY, "Upload-Offset": "0"}
    await scene.web.patch(location, headers=headers, content=DATA[:100])
    assert (await scene.web.delete(location, headers=TUS)).status_code == 204
    assert (await scene.web.head(location, headers=TUS)).status_code == 410
    (attempt,) = (await scene.web.get(f"{path}/state")).json()["attempts"]
    proof = await scene.web.get(attempt["proof"])
    assert proof.status_code == 200
    assert proof.headers["content-type"].startswith("text/plain")
    assert b"lpse-pacitan" in proof.content


async def test_unfinished_file_says_when_it_expires(scene: Scene) -> None:
    """Creation, HEAD and PATCH of an unfinished file carry Upload-Expires."""
    _, path = await scene.grant()
    made = await scene.web.post(f"{path}/files", headers=creation(10))
    location = made.headers["location"]
    looked = await scene.web.head(location, headers=TUS)
    sent = await scene.web.patch(location, headers={**BODY, "Upload-Offset": "0"}, content=b"12")
    for answer in (made, looked, sent):
        assert parsedate_to_datetime(answer.headers["upload-expires"]) > scene.node.clock.now()


async def test_method_override_behind_an_old_proxy(scene: Scene) -> None:
    """POST with X-HTTP-Method-Override does what PATCH, HEAD and DELETE do."""
    _, path = await scene.grant()
    location = await scene.begin(path, 3)
    headers = {**BODY, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await scene.web.post(location, headers=headers, content=b"abc")).status_code == 204
    headers = {**TUS, "X-HTTP-Method-Override": "CONNECT"}
    assert (await scene.web.post(location, headers=headers)).status_code == 405


async def test_other_content_types_are_refused(scene: Scene) -> None:
    """Bytes of any other type are answered with 415 and do not count."""
    _, path = await scene.grant()
    location = await scene.begin(path, 3)
    headers = {**TUS, "Upload-Offset": "0", "Content-Type": "application/x-www-form-urlencoded"}
    assert (await scene.web.patch(location, headers=headers, content=b"abc")).status_code == 415


async def test_too_large_a_file_is_refused_before_its_first_byte(scene: Scene) -> None:
    """A size beyond the grant's is 413, with nothing created."""
    _, path = await scene.grant(bytes_max=100)
    for size in (101, 10**18, 10**19):
        answer = await scene.web.post(f"{path}/files", headers=creation(size))
        assert answer.status_code == 413, answer.text
    assert (await scene.web.get(f"{path}/state")).json()["files"] == []


async def test_body_longer_than_announced_keeps_the_file_as_it_was(scene: Scene) -> None:
    """More bytes than the file has room for are refused, with a length and in chunks."""
    _, path = await scene.grant()
    location = await scene.begin(path, 4)
    headers = {**BODY, "Upload-Offset": "0"}
    assert (await scene.web.patch(location, headers=headers, content=b"12345")).status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        yield b"123"
        yield b"45"

    assert (await scene.web.patch(location, headers=headers, content=chunks())).status_code == 413
    looked = await scene.web.head(location, headers=TUS)
    assert int(looked.headers["upload-offset"]) < 4


async def test_body_in_chunks_without_a_length(scene: Scene) -> None:
    """A body of unknown length is taken, as some upload programs send it."""
    _, path = await scene.grant()
    location = await scene.begin(path, 6)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    headers = {**BODY, "Upload-Offset": "0"}
    answer = await scene.web.patch(location, headers=headers, content=chunks())
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "6")


async def test_upload_after_the_deadline_is_refused_with_a_proof(scene: Scene) -> None:
    """A file begun after the deadline is 403, and the grant shows the proof of the attempt."""
    _, path = await scene.grant()
    scene.node.clock.set(DEADLINE + timedelta(minutes=1))
    answer = await scene.web.post(f"{path}/files", headers=creation(10))
    assert answer.status_code == 403
    assert answer.json()["code"] == "FED-5011"
    (attempt,) = (await scene.web.get(f"{path}/state")).json()["attempts"]
    assert attempt["reason"] == "STAGE_CLOSED"


async def test_error_speaks_the_callers_language(scene: Scene) -> None:
    """An error is Indonesian where it is asked for, with the same code."""
    _, path = await scene.grant()
    location = await scene.begin(path, 3)
    headers = {**BODY, "Upload-Offset": "2"}
    english = await scene.web.patch(location, headers=headers, content=b"x")
    headers["Accept-Language"] = "id-ID,id;q=0.9,en;q=0.5"
    indonesian = await scene.web.patch(location, headers=headers, content=b"x")
    assert english.json()["code"] == indonesian.json()["code"]
    assert english.json()["message"] != indonesian.json()["message"]
