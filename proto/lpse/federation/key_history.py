"""Which of a party's keys signed a text: the present one, or one of a machine that was lost.

Rule: a key id tells which key to check with and proves nothing; the signature does. What carries no
known key id is checked with the present key, so that the refusal is the usual one. Leaves out where
keys are kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from lpse.federation.checkpoints import Head
from lpse.federation.errors import Refused
from lpse.federation.notes import Verifier, parse_note
from lpse.federation.tlog_proofs import is_tlog_proof, parse_tlog_proof


def key_of(data: bytes, keys: Sequence[Verifier]) -> Verifier:
    """The key to check a receipt or a proof with; the first one is the present one."""
    try:
        note = parse_tlog_proof(data).checkpoint if is_tlog_proof(data) else data
        lines = {(line.name, line.key_id) for line in parse_note(note).signatures}
    except Refused:
        return keys[0]
    return next((one for one in keys if (one.name, one.key_id) in lines), keys[0])


def key_of_head(head: Head, keys: Sequence[Verifier]) -> Verifier:
    """The key that signed a head; the first one where none did."""
    for one in keys:
        try:
            head.verify(one)
        except Refused:
            continue
        return one
    return keys[0]
