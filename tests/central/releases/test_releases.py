"""A release is brought once, checked as a node would, and never changes."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.bundles import build_bundle
from lpse.federation.errors import Conflict, FederationError, NotFound, Refused
from lpse.federation.limits import BUNDLES_UNPUBLISHED_MAX
from lpse.operator.v1 import releases_pb2 as api
from lpse.operator.v1.releases_pb2_grpc import ReleasesStub
from lpse.runtime.channels import error_from
from tests.central.releases.office import lkppctl, running


async def bring(stub: Any, data: bytes, *, announced: bytes | None = None) -> int:
    """Upload like `lkppctl`; the offset that the centre asked for."""
    call = stub.UploadBundle()
    digest = sha256(announced if announced is not None else data).digest()
    begin = api.BeginBundle(digest=digest, size_bytes=len(data))
    await call.write(api.UploadBundleRequest(begin=begin))
    offset: int = (await call.read()).accepted.offset_bytes
    for at in range(offset, len(data), 1 << 20):
        await call.write(api.UploadBundleRequest(chunk=data[at : at + (1 << 20)]))
    if offset < len(data):
        await call.write(api.UploadBundleRequest(finish=api.FinishBundle()))
    while (answer := await call.read()).WhichOneof("part") != "verified":
        assert answer.durable.offset_bytes
    return offset


async def refused(call: object) -> FederationError:
    """The error that a call ends with."""
    import grpc

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]  # any awaitable call
    return error_from(caught.value)


async def test_release_is_published_listed_verified_withdrawn_by_lkppctl(tmp_path: Path) -> None:
    """The real program brings a bundle, publishes it once, and every later look agrees."""
    bundle = build_bundle("3.6", tmp_path)
    home = tmp_path / "home"
    async with running(tmp_path) as office:
        await office.enter(home, "siti")
        add = ("release", "add", str(bundle), "--version", "3.6", "--from", "3.0", "-o", "json")
        added = await lkppctl(home, *add)
        assert added.status == 0, added.err
        assert added.json["from_versions"] == ["3.0"]
        assert added.json["bundle_digest"] == sha256(bundle.read_bytes()).hexdigest()
        again = await lkppctl(home, *add)
        assert again.json == added.json and (await office.told()).count("release.published") == 1
        listed = await lkppctl(home, "release", "list", "-o", "json")
        assert [row["version"] for row in listed.json] == ["3.6"]
        verified = await lkppctl(home, "release", "verify", "3.6", str(bundle), "-o", "json")
        assert verified.json["intact"] and verified.json["file_matches"]
        path = office.blobs.path_of(bytes.fromhex(added.json["bundle_digest"]))
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        damaged = await lkppctl(home, "release", "verify", "3.6", "-o", "json")
        assert damaged.status == 1 and "FED-600" in damaged.json["detail"]
        gone = ("release", "withdraw", "3.6", "--reason", "does not start", "--yes", "-o", "json")
        withdrawn = await lkppctl(home, *gone)
        assert (withdrawn.json["state"], withdrawn.json["withdrawn_by"]) == ("WITHDRAWN", "siti")
        assert (await lkppctl(home, *gone)).json == withdrawn.json
        assert (await office.told()).count("release.withdrawn") == 1
        assert await office.releases.offered_size(sha256(bundle.read_bytes()).digest()) is None
        assert (await lkppctl(home, "release", "get", "9.9")).status == 3


async def test_version_stands_for_one_bundle(tmp_path: Path) -> None:
    """Invariant 2: other bytes or other paths under a published version are a conflict."""
    good = build_bundle("3.6", tmp_path / "a").read_bytes()
    other = build_bundle("3.6", tmp_path / "b", faults=["unhealthy"]).read_bytes()
    async with running(tmp_path) as office, await office.person("siti") as channel:
        stub = ReleasesStub(channel)
        for data in (good, other):
            assert await bring(stub, data) == 0
        wanted = api.AddReleaseRequest(version="v3.6.0", bundle_digest=sha256(good).digest())
        first = await stub.AddRelease(wanted)
        assert (first.version, list(first.from_versions)) == ("3.6", ["3.0", "3.6.1"])
        changed = api.AddReleaseRequest(version="3.6", bundle_digest=sha256(other).digest())
        error = await refused(stub.AddRelease(changed))
        assert isinstance(error, Conflict) and error.code == "FED-6004"
        paths = api.AddReleaseRequest(
            version="3.6", bundle_digest=sha256(good).digest(), from_versions=["3.0"]
        )
        assert (await refused(stub.AddRelease(paths))).code == "FED-6004"


async def test_bundle_must_be_what_was_said(tmp_path: Path) -> None:
    """A wrong version, an unknown path, a damaged archive and a missing one are each told."""
    good = build_bundle("3.6", tmp_path).read_bytes()
    async with running(tmp_path) as office, await office.person("siti") as channel:
        stub = ReleasesStub(channel)
        await bring(stub, good)
        digest = sha256(good).digest()
        wrong = await refused(
            stub.AddRelease(api.AddReleaseRequest(version="3.7", bundle_digest=digest))
        )
        assert isinstance(wrong, Refused) and wrong.code == "FED-6006"
        path = api.AddReleaseRequest(version="3.6", bundle_digest=digest, from_versions=["2.0"])
        assert (await refused(stub.AddRelease(path))).code == "FED-6006"
        broken = good[: len(good) // 2]
        await bring(stub, broken)
        cut = api.AddReleaseRequest(version="3.6", bundle_digest=sha256(broken).digest())
        assert (await refused(stub.AddRelease(cut))).code == "FED-6002"
        missing = api.AddReleaseRequest(version="3.6", bundle_digest=bytes(32))
        assert isinstance(await refused(stub.AddRelease(missing)), NotFound)
        assert "release.published" not in await office.told()


async def test_upload_goes_on_where_it_ended(tmp_path: Path) -> None:
    """Invariant 1: a cut upload is resumed, and bytes of another digest leave nothing behind."""
    data = bytes(range(256)) * 8_192
    async with running(tmp_path) as office, await office.person("siti") as channel:
        stub = ReleasesStub(channel)
        call = stub.UploadBundle()
        begin = api.BeginBundle(digest=sha256(data).digest(), size_bytes=len(data))
        await call.write(api.UploadBundleRequest(begin=begin))
        await call.read()
        await call.write(api.UploadBundleRequest(chunk=data[: 1 << 20]))
        await call.done_writing()
        assert (await refused(_to_the_end(call))).code == "FED-2306"
        assert await bring(stub, data) == 1 << 20
        assert await bring(stub, data) == len(data), "it is there already"
        error = await refused(bring(stub, data[:-1], announced=b"something else"))
        assert error.code == "FED-1202"
        assert not list((office.folder / "blobs" / "incoming").iterdir())


async def _to_the_end(call: object) -> None:
    while await call.read():  # type: ignore[attr-defined]  # a stream of the stub
        pass


async def test_unpublished_bundles_make_way(tmp_path: Path) -> None:
    """Invariant 12: bundles that nobody publishes are bounded; published ones stay."""
    good = build_bundle("3.6", tmp_path).read_bytes()
    async with running(tmp_path) as office, await office.person("siti") as channel:
        stub = ReleasesStub(channel)
        await bring(stub, good)
        await stub.AddRelease(
            api.AddReleaseRequest(version="3.6", bundle_digest=sha256(good).digest())
        )
        for number in range(BUNDLES_UNPUBLISHED_MAX + 2):
            await bring(stub, b"never published %d" % number)
        kept = {path.name for path in (office.folder / "blobs" / "sha256").glob("*/*")}
        assert len(kept) == BUNDLES_UNPUBLISHED_MAX + 1
        assert sha256(good).hexdigest() in kept


async def test_only_operators_publish(tmp_path: Path) -> None:
    """An approver and an auditor read releases and write none."""
    async with running(tmp_path) as office:
        for name in ("budi", "wati"):
            async with await office.person(name) as channel:
                stub = ReleasesStub(channel)
                assert not (await stub.ListReleases(api.ListReleasesRequest())).releases
                error = await refused(stub.AddRelease(api.AddReleaseRequest(version="3.6")))
                assert error.code == "FED-3104"
