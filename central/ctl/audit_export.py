"""The text of `audit export`: the national checkpoint with every cosignature, readable by anybody.

Owns its form: C2SP signed notes with a line of words above each, and the keys as verifier texts.
Rule: every signature is verified here before it is written, so that a file never accuses by
mistake; what contradicts is written too, under its own heading. Leaves out asking the centre.
"""

from __future__ import annotations

from collections import defaultdict

from lpse.federation.acts import CENTRE_PARTY
from lpse.federation.checkpoints import Cosignature, Head, head_to_note
from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier
from lpse.operator.v1 import witnesses_pb2 as api


def export_text(answer: api.ListWitnessesResponse) -> str:
    """The file; notes are separated by a line of words and an empty line."""
    centre = Verifier(CENTRE_PARTY, answer.centre_key)
    newest = Head.of(answer.national_head)
    words: dict[bytes, list[tuple[Cosignature, Verifier]]] = defaultdict(list)
    heads: dict[bytes, Head] = {newest.root: newest}
    for one in answer.witnesses:
        if one.HasField("cosignature"):
            head = Head.of(one.head)
            heads.setdefault(head.root, head)
            key = Verifier(one.node_id, one.signing_key)
            words[head.root].append((Cosignature.of(one.cosignature), key))
    blocks = [
        f"{_seen_by(len(words[head.root]))}\n\n{_note(head, centre, words[head.root])}"
        for head in sorted(heads.values(), key=lambda head: -head.size)
    ]
    for one in answer.witnesses:
        if one.HasField("contradicting_head"):
            note = _note(Head.of(one.contradicting_head), centre, [])
            blocks.append(f"Shown by {one.node_id}; the national journal contradicts it:\n\n{note}")
    keys = [centre.text, *(Verifier(w.node_id, w.signing_key).text for w in answer.witnesses)]
    return "\n".join([*blocks, "Keys:\n\n" + "\n".join(keys) + "\n"])


def _seen_by(count: int) -> str:
    return f"National checkpoint, with the words of {count} node(s) that have seen it:"


def _note(head: Head, centre: Verifier, words: list[tuple[Cosignature, Verifier]]) -> str:
    try:
        return head_to_note(head, centre, words).decode()
    except FederationError as error:
        return f"(not written: {error.code} {error.message})\n"
