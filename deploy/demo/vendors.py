"""The vendors of a demonstration: their sealed files, their uploads, and the receipts they keep.

Owns what was handed in and what came back, as a vendor knows it: that is what is compared with both
sides at the end. Rule: an upload counts as accepted when, and only when, a receipt is in the
vendor's hands. Vendors are invented and files are random bytes, as ciphertext looks.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.demo.node import Node
from deploy.demo.processes import DemoFailed
from deploy.demo.together import together
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.terminal.plain import plain

_CHUNK_BYTES: Final = 256 * 1024
_SMALL_BYTES: Final = (20_000, 180_000)
SEATS: Final = 10


@dataclass(frozen=True, slots=True)
class Bid:
    """One submission before it is handed in."""

    node: Node
    package: str
    key: str
    files: tuple[Path, ...]
    details: Path
    seat: int = 0

    @property
    def vendor(self) -> str:
        """Who hands it in, as the details say."""
        return str(json.loads(self.details.read_text("utf-8"))["vendor"])

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)

    @property
    def receipt(self) -> Path:
        """Where the receipt is kept."""
        return self.details.with_suffix(".receipt")

    @property
    def proof(self) -> Path:
        """Where the proof of a refused attempt is kept."""
        return self.details.with_suffix(".proof")


@dataclass(frozen=True, slots=True)
class Handed:
    """A bid for which a receipt is in the vendor's hands."""

    bid: Bid
    receipt: bytes
    verdict: str
    commitment: bytes
    link_down: bool
    resumed: bool


@dataclass
class Vendors:
    """Everybody who uploads; the same seed makes the same bids."""

    seed: int
    handed: list[Handed] = field(default_factory=list)
    attempts: list[tuple[Bid, bytes]] = field(default_factory=list)
    torn_transfers: int = 0  # cut on the way to the centre, and gone on with
    addresses: list[str] = field(default_factory=list)  # what opens a vendor's upload page

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._made = 0

    def bid(
        self,
        node: Node,
        package: str,
        *,
        sizes: tuple[int, ...] = (),
        seat: int = 0,
        vendor: str = "",
    ) -> Bid:
        """Seal a bid: one small file, or files of the given sizes; a new vendor unless named."""
        self._made += 1
        number = self._made
        folder = node.vendors / f"{number:03d}"
        folder.mkdir(parents=True)
        files = []
        for part, size in enumerate(sizes or (self._random.randint(*_SMALL_BYTES),), start=1):
            path = folder / f"penawaran-{number:03d}-{part}.rhs"
            path.write_bytes(self._random.randbytes(size))
            files.append(path)
        details = folder / "details.json"
        details.write_text(json.dumps({"vendor": vendor or f"CV Contoh {number:03d}"}), "utf-8")
        key = f"bid-{number:03d}-{self._random.randbytes(12).hex()}"
        return Bid(node, package, key, tuple(files), details, seat)

    async def upload(self, bid: Bid, *, resumed: bool = False) -> Handed:
        """Hand a bid in with `lpse-node upload` and keep the receipt."""
        linked_before = await bid.node.is_linked()
        answer = await bid.node.lpse(*_words(bid, bid.receipt))
        linked_after = await bid.node.is_linked()
        document = answer.document
        handed = Handed(
            bid=bid,
            receipt=bid.receipt.read_bytes(),
            verdict=str(document["verdict"]),
            commitment=bytes.fromhex(document["commitment"]),
            link_down=not linked_before and not linked_after,
            resumed=resumed,
        )
        self.handed.append(handed)
        return handed

    async def submit(self, bid: Bid) -> Handed:
        """Hand a bid in as SPSE does, over the local API; quicker than starting a command."""
        linked_before = await bid.node.is_linked()
        call = SubmissionsStub(bid.node.channel()).UploadSubmission()
        await call.write(wire.UploadSubmissionRequest(begin=_begin(bid)))
        for number, file in enumerate(bid.files):
            for data in _chunks(file):
                chunk = wire.FileChunk(file=number, data=data)
                await call.write(wire.UploadSubmissionRequest(chunk=chunk))
        await call.write(wire.UploadSubmissionRequest(finish=wire.FinishSubmission()))
        await call.done_writing()
        answers = [answer async for answer in call]
        accepted = answers[-1].accepted
        bid.receipt.write_bytes(accepted.receipt)
        handed = Handed(
            bid=bid,
            receipt=accepted.receipt,
            verdict=str(plain(accepted)["verdict"]),
            commitment=accepted.commitment,
            link_down=not linked_before and not await bid.node.is_linked(),
            resumed=False,
        )
        self.handed.append(handed)
        return handed

    async def upload_all(self, bids: list[Bid]) -> list[Handed]:
        """Several at once, as in the last hours before a deadline."""
        return await together(self.upload(bid) for bid in bids)

    async def attempt(self, bid: Bid) -> str:
        """Hand a bid in that must be refused; returns the node's words, keeps the proof."""
        answer = await bid.node.lpse(*_words(bid, bid.proof), expect=(1,))
        if not bid.proof.exists():
            raise DemoFailed(f"the refused attempt left no proof: {answer.stderr}")
        self.attempts.append((bid, bid.proof.read_bytes()))
        return answer.stderr

    async def interrupt(self, bid: Bid) -> int:
        """Send half of a bid and kill the node's daemon; the bytes that were on their way."""
        call = SubmissionsStub(bid.node.channel()).UploadSubmission()
        await call.write(wire.UploadSubmissionRequest(begin=_begin(bid)))
        await call.read()
        sent = 0
        for chunk in _chunks(bid.files[0]):
            if sent >= bid.size_bytes // 2:
                break
            part = wire.FileChunk(file=0, data=chunk)
            await call.write(wire.UploadSubmissionRequest(chunk=part))
            sent += len(chunk)
        answer = await call.read()
        if not isinstance(answer, wire.UploadSubmissionResponse):
            raise DemoFailed("the node took nothing of the upload that is to be interrupted")
        await bid.node.kill()
        call.cancel()
        return sent


def _words(bid: Bid, keep: Path) -> list[str]:
    room = ["--channel", "bidding-room", "--seat", str(bid.seat)] if bid.seat else []
    return [
        "upload", *map(str, bid.files), "--package", bid.package, "--details", str(bid.details),
        "--key", bid.key, "--receipt", str(keep), *room,
    ]  # fmt: skip


def _begin(bid: Bid) -> wire.BeginSubmission:
    """The same words as the command says, so that repeating it is the same submission."""
    return wire.BeginSubmission(
        intake_key=bid.key,
        package=bid.package,
        details_json=bid.details.read_bytes(),
        channel=wire.CHANNEL_BIDDING_ROOM if bid.seat else wire.CHANNEL_DIRECT,
        seat=bid.seat,
        files=[
            wire.DeclaredFile(
                name=file.name,
                size_bytes=file.stat().st_size,
                sha256=hashlib.sha256(file.read_bytes()).digest(),
            )
            for file in bid.files
        ],
    )


def _chunks(file: Path) -> list[bytes]:
    data = file.read_bytes()
    return [data[start : start + _CHUNK_BYTES] for start in range(0, len(data), _CHUNK_BYTES)]
