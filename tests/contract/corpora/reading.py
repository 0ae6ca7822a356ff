"""A golden corpus as its frames, journals and keys.

Leaves out what must hold for them (`test_corpora`, `test_link_mixed_versions`).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from lpse.federation.checkpoints import Head
from lpse.federation.notes import Signer, Verifier
from lpse.federation.v1 import journal_pb2 as journal_wire
from lpse.federation.v1 import link_pb2 as wire

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Taped:
    """One frame as its sender wrote it, and what the sender's own program read in it."""

    sender: str
    data: bytes
    meant: dict[str, Any]

    @property
    def frame(self) -> wire.NodeFrame | wire.CentralFrame:
        """What today's program reads in it."""
        return self.message.FromString(self.data)

    @property
    def message(self) -> type[wire.NodeFrame | wire.CentralFrame]:
        """The message type of the sender."""
        return wire.NodeFrame if self.sender == "node" else wire.CentralFrame

    @property
    def kind(self) -> str | None:
        """Which frame it is."""
        return self.frame.WhichOneof("frame")


@dataclass(frozen=True, slots=True)
class TapedJournal:
    """A whole journal: entries, what each meant to its writer, and the head behind the last."""

    entries: list[tuple[bytes, str, dict[str, Any]]]
    head: Head
    verifier: Verifier


class Corpus:
    """The words of one protocol version."""

    def __init__(self, name: str) -> None:
        raw = json.loads((FOLDER / name).read_text("utf-8"))
        self.made_by: str = raw["made_by"]
        self.centre = Signer.from_seed("lkpp", bytes.fromhex(raw["centre_seed"]))
        self.node = Signer.from_seed("lpse-pacitan", bytes.fromhex(raw["node_seed"]))
        self.regional = _journal(raw["regional"], self.node)
        self.national = _journal(raw["national"], self.centre)
        self.work = [[_taped(one) for one in session] for session in raw["sessions"]["work"]]
        self.rewound = [_taped(one) for one in raw["sessions"]["rewound"][0]]
        self.frames = [_taped(one) for one in raw["frames"]]
        self.refused = {
            one["name"]: (_bytes(one["hello"]), _bytes(one["answer"])) for one in raw["refused"]
        }


def same(message: Message, meant: dict[str, Any]) -> bool:
    """Whether a message says exactly what its writer meant."""
    return message == ParseDict(meant, type(message)())


def _taped(raw: dict[str, Any]) -> Taped:
    return Taped(raw["from"], _bytes(raw["frame"]), raw["json"])


def _journal(raw: dict[str, Any], signer: Signer) -> TapedJournal:
    head = Head.of(journal_wire.Head.FromString(_bytes(raw["head"])))
    assert signer.public.hex() == raw["public"]
    entries = [(_bytes(one["entry"]), one["kind"], one["json"]) for one in raw["entries"]]
    return TapedJournal(entries, head, signer.verifier)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
