"""A centre that lost release bundles, and nodes that hold some.

Owns the wiring of asking and bringing over the rig of the link: real gRPC, real files. Leaves out
every assertion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import grpc

from central.blobs.receiving import Receiving
from central.blobs.service import TransferService
from central.blobs.store import BUNDLE, BlobRows
from central.releases.lost import LostBundles, Neighbours
from central.releases.store import ReleaseStore
from central.scrub.store import CentralScrubStore
from central.uploads.announcements import LedgerAnnouncements
from central.uploads.parked_store import ParkedStore
from central.uploads.store import UploadsStore
from lpse.federation.v1 import transfer_pb2_grpc
from lpse.federation.v1.directives_pb2 import ReleasePublished
from lpse.runtime.sqlite import Transaction
from lpse.storage.blobs import BlobStore
from regional_node.transfer.road import Road, free_road
from regional_node.witness.bundles import GivingBundles, Shelf
from tests.federation.restored import LosingCentre, WitnessNode
from tests.federation.rig import CLOCK, LOG, Authority, Centre

VERSION = "3.6"


class BundleCentre(LosingCentre):
    """A centre that publishes releases, loses their bundles and asks for them."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        super().__init__(authority, folder)
        self.running: dict[str, str] = {}  # what services of nodes say that they run
        self.asked: list[str] = []  # node ids, in order
        self.blob_reserve_bytes = 0
        self.further.append(lambda _: self._transfer())

    async def _serve(self) -> None:
        self.blobs = BlobStore(self.folder / "blobs", reserve_bytes=self.blob_reserve_bytes)
        self.rows = BlobRows(self.database)
        self.receiving = Receiving(self.blobs, self.rows, CLOCK)
        await self.receiving.open()
        self.scrub = CentralScrubStore(self.database)
        self.releases = ReleaseStore(self.database, self.national.append_in)
        await super()._serve()

    def _transfer(self) -> Callable[[grpc.aio.Server], None]:
        self.lost = LostBundles(
            Neighbours(
                database=self.database,
                releases=self.releases,
                blobs=self.blobs,
                scrub=self.scrub,
                nodes=_Asking(self),
                versions=self._versions,
                runs=self.findings,
                clock=CLOCK,
                log=LOG,
            )
        )
        service = TransferService(
            self.receiving,
            self.enrolled,
            LedgerAnnouncements(UploadsStore(self.database), self.ledger),
            self.lost,
            ParkedStore(self.database),
            LOG,
        )
        return lambda server: transfer_pb2_grpc.add_TransferServicer_to_server(service, server)

    async def _versions(self, node_ids: Sequence[str]) -> Mapping[str, str]:
        return {one: self.running[one] for one in node_ids if one in self.running}

    def declined(self, node_id: str, digest: bytes) -> None:
        """A node does not bring the bundle."""
        self.lost.declined(node_id, digest)

    async def publish(self, bundle: bytes, version: str = VERSION) -> bytes:
        """What `release add` does, without a look into the archive; the digest."""
        (stored,) = await self.blobs.put_many("add", [bundle])
        now = CLOCK.wall()
        blobs = [(stored.digest, len(bundle))]
        await self.rows.stored_many(blobs, BUNDLE, now, _nothing_in)
        record = ReleasePublished(
            version=version, bundle_digest=stored.digest, bundle_bytes=len(bundle)
        )
        await self.releases.publish(record, now, validate_only=False)
        return stored.digest

    async def forget(self, digest: bytes) -> None:
        """As after a restore from a copy that is older than the bundle."""
        await self.blobs.delete(digest)
        await self.database.write(
            lambda tx: tx.run("DELETE FROM blobs WHERE digest = ?", (digest,))
        )

    async def holds(self, bundle: bytes) -> bool:
        """Row and file are here, byte for byte."""
        digest = sha256(bundle).digest()
        path = self.blobs.path_of(digest)
        whole = path.exists() and path.read_bytes() == bundle
        return whole and await self.rows.size_of(digest) == len(bundle)

    async def rules(self) -> list[tuple[str, str]]:
        """Node and rule of every entry about bundles, as journalled nationally."""
        found = [(run.node_id, one.rule) for run in await self.found() for one in run.entries]
        return [one for one in found if "-BUNDLE-" in one[1]]


def _nothing_in(_: Transaction, __: bytes) -> None:
    """Publishing is an act of its own."""


class _Asking:
    """The port `Nodes`: the real sessions; whoever is asked is remembered."""

    def __init__(self, centre: BundleCentre) -> None:
        self._centre = centre

    def sound(self) -> Sequence[str]:
        return self._centre.sessions.sound()

    def ask_bundle(self, node_id: str, wanted: object) -> bool:
        self._centre.asked.append(node_id)
        return self._centre.sessions.ask_bundle(node_id, wanted)  # type: ignore[arg-type]  # as it came


class BundleNode(WitnessNode):
    """A node of the rig that brings bundles it holds."""

    def __init__(self, authority: Authority, folder: Path, node_id: str, centre: Centre) -> None:
        super().__init__(authority, folder, node_id, centre.port)
        self.road: Road = free_road(CLOCK)
        self.answering = True

    async def start(self) -> None:
        """As in the rig, with the worker beside the link."""
        self.giving_bundles = GivingBundles(self.shelf(), self, self.road, CLOCK, LOG)
        self.bundles = self.giving_bundles if self.answering else None
        self.bundles_task = asyncio.create_task(self.giving_bundles.run())
        await super().start()

    async def stop(self) -> None:
        """As in the rig."""
        self.bundles_task.cancel()
        await asyncio.gather(self.bundles_task, return_exceptions=True)
        await super().stop()

    def shelf(self) -> Shelf:
        """Where it looks for bundles."""
        return Shelf(self.folder / "bundles", [])

    def put(self, bundle: bytes, name: bytes | None = None) -> None:
        """A fetched bundle lies in the node's folder, under its own digest or another."""
        folder = self.folder / "bundles"
        folder.mkdir(parents=True, exist_ok=True)
        digest = name or sha256(bundle).digest()
        (folder / f"{digest.hex()}.bundle").write_bytes(bundle)

    # --- the port `Centre` of transfers ---

    def connect(self) -> grpc.aio.Channel:
        """A new channel to the centre."""
        return self._channel()

    def is_open(self) -> bool:
        """Whether a session is open."""
        return self.state.session is not None

    def stored_size(self, epoch: bytes) -> int:
        """Not asked for bundles."""
        return 0

    def manifest_only(self) -> bool:
        """Holds for sealed bytes alone."""
        return False
