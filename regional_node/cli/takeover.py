"""Writing an opened package to a folder: bytes, manifests, receipts, verdicts, nothing by halves.

Owns the layout of the folder and the receiver's own checks. Rules: everything is written to a draft
folder beside it, compared with digest and commitment, fsynced, and named at the end in one step; a
vendor's file name never leads out of the folder; a file that is not what was sealed is left out and
named in its manifest. Leaves out asking the node (`package_open`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from lpse.federation.commitments import SealedFile, SubmissionDetails, open_commitment
from lpse.federation.errors import Conflict, Refused, Unavailable
from lpse.federation.v1.records_pb2 import Verdict
from lpse.intake.v1 import submissions_pb2 as wire
from lpse.terminal.plain import plain
from regional_node.cli.keeping import sync_folder
from regional_node.intake.names import safe_name


class Takeover:
    """One hand-over into `target`; `take` every message in order, then `finish`."""

    def __init__(self, target: Path) -> None:
        """FED-5206 where `target` exists and is not an empty folder."""
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise Conflict(
                "FED-5206",
                f"{target} exists and is not an empty folder",
                remedy="choose another folder; opening again is harmless",
            )
        self.package = wire.ReleasedPackage()
        self.submissions = 0
        self.unreadable = 0
        self.undetermined = 0  # submissions on which the Pokja must decide
        self.late = 0
        self.replaced = 0  # submissions in whose place a later one stands
        self.received_bytes = 0
        self._target = target
        self._draft = target.with_name(f"{target.name}.draft-{os.getpid()}")
        self._attempts = 0
        self._current: _Submission | None = None
        self._finished = False
        try:
            self._draft.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise _unwritable(error) from error

    def take(self, message: wire.ReleaseSubmissionsResponse) -> None:
        """Write one message of the node to the draft."""
        try:
            self._take(message)
        except OSError as error:
            raise _unwritable(error) from error

    def finish(self) -> None:
        """Name the folder; Unavailable FED-5208 where the hand-over broke off before its end."""
        if not self._finished:
            raise Unavailable(
                "FED-5208", "the hand-over broke off before its end", remedy="open again"
            )
        try:
            self._write("package.json", _json(plain(self.package)))
            for folder, _, _ in os.walk(self._draft):
                sync_folder(Path(folder))
            if self._target.exists():
                self._target.rmdir()
            self._draft.rename(self._target)
            sync_folder(self._target.absolute().parent)
        except OSError as error:
            raise _unwritable(error) from error

    def discard(self) -> None:
        """Remove the draft; harmless after `finish`."""
        shutil.rmtree(self._draft, ignore_errors=True)

    def _take(self, message: wire.ReleaseSubmissionsResponse) -> None:
        match message.WhichOneof("part"):
            case "package":
                self.package = message.package
            case "submission":
                self._end_submission()
                self.submissions += 1
                given = message.submission.submission
                self.undetermined += given.verdict == Verdict.VERDICT_UNDETERMINED
                self.late += given.verdict == Verdict.VERDICT_LATE
                self.replaced += bool(given.replaces)
                folder = self._draft / f"{self.submissions:04}"
                self._current = _Submission.start(folder, message.submission)
            case "chunk":
                assert self._current is not None
                self._current.write(message.chunk.file, message.chunk.data)
                self.received_bytes += len(message.chunk.data)
            case "unreadable":
                assert self._current is not None
                self._current.skip(message.unreadable.file, message.unreadable.code)
            case "attempt":
                self._end_submission()
                self._take_attempt(message.attempt)
            case "finished":
                self._end_submission()
                self._finished = True

    def _end_submission(self) -> None:
        if self._current is not None:
            self.unreadable += self._current.end()
            self._current = None

    def _take_attempt(self, attempt: wire.ReleasedAttempt) -> None:
        self._attempts += 1
        (self._draft / "attempts").mkdir(exist_ok=True)
        self._write(f"attempts/{self._attempts:04}.txt", attempt.proof)

    def _write(self, name: str, content: bytes) -> None:
        _write(self._draft / name, content)


@dataclass
class _Submission:
    """One submission being written; files come in order."""

    folder: Path
    message: wire.ReleasedSubmission
    details: SubmissionDetails
    names: dict[int, str] = field(default_factory=dict)
    missing: dict[int, str] = field(default_factory=dict)
    _open: BinaryIO | None = None
    _number: int = -1
    _hash: Any = None
    _size: int = 0

    @classmethod
    def start(cls, folder: Path, message: wire.ReleasedSubmission) -> _Submission:
        """Check the details against their commitment before anything is named after them."""
        commitment = message.submission.commitment
        details = open_commitment(commitment, message.salt, message.details)
        (folder / "files").mkdir(parents=True)
        taken: set[str] = set()
        names = {number: safe_name(file.name, taken) for number, file in enumerate(details.files)}
        return cls(folder, message, details, names)

    def write(self, number: int, data: bytes) -> None:
        """The next bytes of a file."""
        if number != self._number:
            self._begin(number)
        assert self._open is not None
        self._open.write(data)
        self._hash.update(data)
        self._size += len(data)

    def skip(self, number: int, code: str) -> None:
        """The node could not read this file; what came of it is removed."""
        if self._number == number:
            self._close()
            self._number = -1
        self._path(number).unlink(missing_ok=True)
        self.missing[number] = code

    def end(self) -> int:
        """Write manifest, details and receipt; how many files are missing."""
        self._end_file()
        for number, file in enumerate(self.details.files):
            if not file.size_bytes and number not in self.missing:
                _write(self._path(number), b"")
            elif number not in self.missing and not self._path(number).exists():
                self.missing[number] = "FED-5207"
        _write(self.folder / "receipt.txt", self.message.submission.receipt)
        _write(self.folder / "details.json", self.message.details)
        _write(self.folder / "manifest.json", _json(self._manifest()))
        return len(self.missing)

    def _begin(self, number: int) -> None:
        self._end_file()
        self._open = self._path(number).open("xb")
        self._number, self._hash, self._size = number, sha256(), 0

    def _end_file(self) -> None:
        if self._open is None:
            return
        self._close()
        expected: SealedFile = self.details.files[self._number]
        if (self._hash.digest(), self._size) != (expected.sha256, expected.size_bytes):
            self.skip(self._number, "FED-5207")

    def _close(self) -> None:
        if self._open is not None:
            self._open.flush()
            os.fsync(self._open.fileno())
            self._open.close()
            self._open = None

    def _path(self, number: int) -> Path:
        return self.folder / "files" / self.names[number]

    def _manifest(self) -> Mapping[str, object]:
        shown = plain(self.message.submission)
        shown.pop("receipt")
        return {
            **shown,
            "salt": self.message.salt.hex(),
            "details": self.details.document(),
            "files": [
                {
                    "name": file.name,
                    "path": None if number in self.missing else f"files/{self.names[number]}",
                    "bytes": file.size_bytes,
                    "sha256": file.sha256.hex(),
                    "error": self.missing.get(number),
                }
                for number, file in enumerate(self.details.files)
            ],
        }


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _json(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _unwritable(error: OSError) -> Refused:
    return Refused(
        "FED-5209",
        f"the folder cannot be written: {error.strerror}",
        remedy="choose a folder with room and rights; opening again is harmless",
    )
