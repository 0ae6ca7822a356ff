"""Files against journals: `audit verify`.

Owns reading the files, asking the centre in bounded questions, and the answer's words. Rules: a
file without any checkpoint is an error (FED-2460), because silence would look like agreement; a
contradiction is told with both roots, as text that can be kept, and ends with exit status 4
(FED-2461). Leaves out how checkpoints are found (`lpse.federation.found_heads`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from central.ctl import session
from lpse.federation.errors import Conflict, Refused
from lpse.federation.found_heads import (
    Contradiction,
    FoundHead,
    contradictions,
    find_heads,
    verified,
)
from lpse.federation.limits import (
    AUDITED_FILE_BYTES_MAX,
    CHECKED_HEADS_MAX,
    HEAD_PLACE_CHARACTERS_MAX,
)
from lpse.federation.notes import KeyKind, Verifier
from lpse.terminal.output import Column, Output, note, show_list
from lpse.terminal.words import say


def _finding(standing: str) -> str:
    match standing:
        case "CONTAINED":
            return say("agrees")
        case "BEYOND":
            return say("newer than the centre: nothing can be said yet")
        case "FORKED":
            return say("CONTRADICTS: another history with the same signature")
        case "UNKNOWN":
            return say("no such journal here")
        case "NOT_SIGNED":
            return say("not signed by its writer: proves nothing")
        case "VERIFIED":
            return say("signed; agrees with the other files")
        case _:
            return say("no key given that verifies it")


COLUMNS: Final = (
    Column("place", "File"),
    Column("party", "Journal of"),
    Column("size", "Entries", right=True),
    Column("root", "Root"),
    Column("standing", "Finding", _finding),
)


def read(paths: Sequence[Path]) -> list[FoundHead]:
    """Every checkpoint in the files; Refused where a file holds none or cannot be searched."""
    found: list[FoundHead] = []
    for path in paths:
        try:
            if path.stat().st_size > AUDITED_FILE_BYTES_MAX:
                raise Refused("FED-2462", f"{path} is larger than {AUDITED_FILE_BYTES_MAX} bytes")
            data = path.read_bytes()
        except OSError as error:
            raise Refused("FED-2462", f"{path} cannot be read: {error.strerror}") from error
        heads = find_heads(data, path.name[:HEAD_PLACE_CHARACTERS_MAX])
        if not heads:
            raise Refused(
                "FED-2460",
                f"there is no checkpoint in {path}",
                remedy="use the file exactly as it was handed out",
            )
        found += heads
    return found


def compare_offline(found: Sequence[FoundHead], texts: Sequence[str], output: Output) -> None:
    """The files with each other; only heads that a given key verifies count."""
    keys: dict[str, list[Verifier]] = defaultdict(list)
    for text in texts:
        key = Verifier.parse(text)
        keys[key.name].append(key.of_kind(KeyKind.ED25519))
    signed = [one for one in found if verified(one, keys)]
    rows = [_row(one, "VERIFIED" if one in signed else "UNVERIFIED") for one in found]
    pairs = contradictions(signed)
    accused = {id(side) for pair in pairs for side in (pair.one, pair.other)}
    for one, row in zip(found, rows, strict=True):
        if id(one) in accused:
            row["standing"] = "FORKED"
    show_list(rows, COLUMNS, output)
    if pairs:
        _tell(pairs)
    if not signed:
        raise Refused(
            "FED-2103",
            "no checkpoint was verified",
            remedy="give the writers' keys with --key, or leave out --offline",
        )


async def compare_with_centre(found: Sequence[FoundHead], output: Output) -> None:
    """Each with the centre's journals, and the files with each other."""
    answers = await _ask(found)
    rows = [_row(one, _standing(answer)) for one, answer in zip(found, answers, strict=True)]
    show_list(rows, COLUMNS, output)
    signed = [one for one, row in zip(found, rows, strict=True) if row["standing"] not in _UNSIGNED]
    forked = [
        (one, answer)
        for one, answer, row in zip(found, answers, rows, strict=True)
        if row["standing"] == "FORKED"
    ]
    for one, answer in forked:
        _evidence(one, answer.own_root.hex())
    pairs = contradictions(signed)
    if pairs and not forked:
        _tell(pairs)
    if forked:
        raise _two_histories(len(forked))


_UNSIGNED: Final = ("NOT_SIGNED", "UNKNOWN")


async def _ask(found: Sequence[FoundHead]) -> list[Any]:
    from lpse.operator.v1 import witnesses_pb2 as api
    from lpse.operator.v1.witnesses_pb2_grpc import WitnessesStub

    answers: list[Any] = []
    async with session.connect() as opened:
        stub: Any = WitnessesStub(opened.channel)
        for first in range(0, len(found), CHECKED_HEADS_MAX):
            part = found[first : first + CHECKED_HEADS_MAX]
            heads = [api.FoundHead(head=one.head.message(), place=one.place) for one in part]
            answer = await stub.CheckHeads(api.CheckHeadsRequest(heads=heads))
            answers += answer.heads
    return answers


def _standing(answer: Any) -> str:
    from lpse.operator.v1 import witnesses_pb2 as api

    return str(api.HeadStanding.Name(answer.standing)).removeprefix("HEAD_STANDING_")


def _row(one: FoundHead, standing: str) -> dict[str, Any]:
    head = one.head
    return {
        "place": one.place,
        "party": head.party,
        "epoch": head.epoch.hex(),
        "size": head.size,
        "root": head.root.hex(),
        "standing": standing,
    }


def _tell(pairs: Sequence[Contradiction]) -> None:
    for pair in pairs:
        _evidence(pair.one, pair.other.head.root.hex())
        note(pair.other.note.decode())
    raise _two_histories(len(pairs))


def _evidence(one: FoundHead, other_root: str) -> None:
    """Both histories, so that the screen alone is worth keeping."""
    note(f"{one.place}: {say('this checkpoint')}")
    note(one.note.decode())
    note(f"{say('contradicts the root of the other history')}: {other_root}")


def _two_histories(count: int) -> Conflict:
    return Conflict(
        "FED-2461",
        f"{count} checkpoint(s) tell another history with the same signature",
        remedy="keep the files; tell the auditors",
    )
