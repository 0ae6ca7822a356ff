"""The files of `receipt verify`: which one is signed, what it shows, how it compares.

Rule: the order of the files does not matter: the first signed text (a receipt, a proof of an
attempt, or a proof from the journal) is checked, the others are the bid's. Leaves out the flags
(`receipt`) and every check (`lpse.federation.receipt_proofs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lpse.federation.errors import Refused
from lpse.federation.limits import TLOG_PROOF_BYTES_MAX
from lpse.federation.notes import Verifier
from lpse.federation.receipt_codes import code_of
from lpse.federation.receipt_proofs import (
    VerifiedProof,
    verify_receipt_proof,
    verify_sole_receipt,
)
from lpse.federation.receipts import ATTEMPT_HEADER, RECEIPT_HEADER, VerifiedReceipt
from lpse.federation.tlog_proofs import TLOG_PROOF_HEADER, is_tlog_proof
from regional_node.cli.uploading import examine

_HEADERS: Final = tuple(
    f"{header}\n".encode() for header in (RECEIPT_HEADER, ATTEMPT_HEADER, TLOG_PROOF_HEADER)
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A signed file that was found in order."""

    signed: bytes
    receipt: VerifiedReceipt
    proof: VerifiedProof | None
    compared: int


def sort_out(paths: Sequence[Path]) -> tuple[Path, list[Path]]:
    """The signed file and the others; Refused FED-5116 where none of several is signed."""
    signed = next((path for path in paths if _begins_signed(path)), None)
    if signed is None:
        if len(paths) > 1:
            raise Refused(
                "FED-5116",
                "none of these files is a receipt or a proof",
                remedy="give the receipt as it was handed out, together with the bid's files",
            )
        signed = paths[0]  # its own refusal says best what is wrong with it
    return signed, [path for path in paths if path is not signed]


def check(signed: Path, files: Sequence[Path], node_key: str, centre_key: str) -> Checked:
    """Check everything that was given; FED-51nn, FED-210n where something does not fit."""
    node = read_key(node_key)
    centre = read_key(centre_key) if centre_key else None
    data = _read(signed)
    contents = [examine(path, lambda _: None) for path in files]
    given = [(file.size_bytes, file.sha256) for file in contents]
    if not is_tlog_proof(data):
        receipt = verify_sole_receipt(data, node, given, centre=centre)
        return Checked(data, receipt, None, len(files))
    if centre is None:
        raise Refused(
            "FED-5117",
            "a proof is checked with the centre's public key too",
            remedy="give --centre-key; the centre publishes it, and so does the node",
        )
    proof = verify_receipt_proof(data, node, centre, given)
    return Checked(proof.receipt_bytes, proof.receipt, proof, len(files))


def row(checked: Checked) -> dict[str, Any]:
    """What was found, as one line of output."""
    receipt = checked.receipt
    found: dict[str, Any] = {
        "valid": True,
        "kind": _kind(checked),
        **{key: value for key, value in receipt.document.items() if key != "details"},
        "package": receipt.details.package,
        "vendor": receipt.details.vendor,
        "files": len(receipt.details.files),
        "files_checked": checked.compared,
        "details": receipt.document["details"],
    }
    if receipt.accepted:
        found["code"] = code_of(checked.signed)
    if checked.proof is not None:
        not_after = checked.proof.not_after.isoformat().replace("+00:00", "Z")
        found |= {
            "not_after_time": not_after,
            "journal_index": checked.proof.index,
            "journal_size": checked.proof.head.size,
            "journal_epoch": checked.proof.head.epoch.hex(),
        }
    return found


def read_key(source: str) -> Verifier:
    """A public key from the flag's text, or from the file that it names."""
    path = Path(source)
    is_file = "+" not in source or path.is_file()
    text = _read(path).decode("utf-8", errors="replace") if is_file else source
    return Verifier.parse(text.strip())


def _kind(checked: Checked) -> str:
    if checked.proof is not None:
        return "PROOF"
    return "RECEIPT" if checked.receipt.accepted else "ATTEMPT"


def _begins_signed(path: Path) -> bool:
    longest = max(map(len, _HEADERS))
    try:
        with path.open("rb") as file:
            return file.read(longest).startswith(_HEADERS)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(TLOG_PROOF_BYTES_MAX + 1)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> Refused:
    return Refused("FED-5017", f"{path} cannot be read: {error.strerror}")
