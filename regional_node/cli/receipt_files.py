"""The files of `receipt verify`: which one is signed, what it shows, how it compares.

Rule: the order of the files does not matter: the first signed text (a receipt, a proof of an
attempt, or a proof from the journal), else the first print or JSON form that holds one, is checked;
the others are the bid's. Leaves out the flags (`receipt`), the wrappings
(`regional_node.receipts.enclosed`) and every check (`lpse.federation.receipt_proofs`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lpse.federation.errors import Refused
from lpse.federation.key_history import key_of
from lpse.federation.limits import PRINT_BYTES_MAX, TLOG_PROOF_BYTES_MAX
from lpse.federation.notes import Verifier
from lpse.federation.receipt_codes import code_of
from lpse.federation.receipt_proofs import (
    VerifiedProof,
    verify_receipt_proof,
    verify_sole_receipt,
)
from lpse.federation.receipts import FileForeign, VerifiedReceipt
from lpse.federation.tlog_proofs import is_tlog_proof
from lpse.terminal.words import say
from regional_node.cli.uploading import examine
from regional_node.receipts.enclosed import copied, enclosed, is_signed

_BEGINNING_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Checked:
    """A signed file that was found in order."""

    signed: bytes
    receipt: VerifiedReceipt
    proof: VerifiedProof | None
    compared: int


def sort_out(paths: Sequence[Path]) -> tuple[bytes, list[Path]]:
    """The signed text and the other files; Refused FED-5116 where none holds one."""
    signed = next((path for path in paths if is_signed(_read(path, _BEGINNING_BYTES))), None)
    if signed is not None:
        return _read(signed), [path for path in paths if path is not signed]
    for path in paths:
        text = enclosed(_read(path, PRINT_BYTES_MAX))
        if text is not None:
            return text, [other for other in paths if other is not path]
    raise Refused(
        "FED-5116",
        "none of these files is a receipt or a proof",
        remedy="give the receipt as it was handed out, together with the bid's files",
    )


def check(data: bytes, files: Sequence[Path], node_key: str, centre_key: str) -> Checked:
    """Check everything that was given; FED-51nn, FED-210n where something does not fit."""
    node = key_of(data, read_keys(node_key, "node"))
    centre = read_key(centre_key, "centre") if centre_key else None
    contents = [examine(path, lambda _: None) for path in files]
    given = [(file.size_bytes, file.sha256) for file in contents]
    try:
        return _checked(data, given, node, centre)
    except FileForeign as error:
        name = files[error.position - 1].name
        raise Refused(
            error.code, f"{name} is not one of the files of this receipt", remedy=error.remedy
        ) from error


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


def finding(checked: Checked) -> str:
    """The answer in one sentence."""
    if checked.proof is not None:
        return say("The proof is genuine")
    if not checked.receipt.accepted:
        return say("The proof of an attempt is genuine; nothing was accepted by it")
    return say("The receipt is genuine")


def read_key(source: str, party: str) -> Verifier:
    """The present key of a party; see `read_keys`."""
    return read_keys(source, party)[0]


def read_keys(source: str, party: str) -> tuple[Verifier, ...]:
    """Public keys from the flag's text, or from a file: the key alone, or the published keys.

    The present one comes first; those of machines that were lost follow, where they are published.
    """
    path = Path(source)
    is_file = "+" not in source or path.is_file()
    text = copied(_read(path).decode("utf-8", errors="replace") if is_file else source)
    former: list[str] = []
    if text.startswith("{"):
        with suppress(ValueError, KeyError, TypeError, RecursionError):  # its own refusal follows
            published = json.loads(text)[party]
            text, former = str(published["key"]), list(map(str, published.get("former", ())))
    return tuple(map(Verifier.parse, (text, *former)))


def _checked(
    data: bytes, given: Sequence[tuple[int, bytes]], node: Verifier, centre: Verifier | None
) -> Checked:
    if not is_tlog_proof(data):
        receipt = verify_sole_receipt(data, node, given, centre=centre)
        return Checked(data, receipt, None, len(given))
    if centre is None:
        raise Refused(
            "FED-5117",
            "a proof is checked with the centre's public key too",
            remedy="give --centre-key; the centre publishes it, and so does the node",
        )
    proof = verify_receipt_proof(data, node, centre, given)
    return Checked(proof.receipt_bytes, proof.receipt, proof, len(given))


def _kind(checked: Checked) -> str:
    if checked.proof is not None:
        return "PROOF"
    return "RECEIPT" if checked.receipt.accepted else "ATTEMPT"


def _read(path: Path, bytes_max: int = TLOG_PROOF_BYTES_MAX) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(bytes_max + 1)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> Refused:
    return Refused("FED-5017", f"{path} cannot be read: {error.strerror}")
