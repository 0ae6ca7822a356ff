"""The stored form of a desired state: one JSON document, read back to an equal value.

Owns the document's format number. Rule: records keep the bytes of their message, so a snapshot
that an older program wrote loses no field that a newer message knows. A document of another
format is refused: the fold from the first entry always gives the state again. Leaves out where
snapshots are kept.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from google.protobuf.message import Message

from lpse.federation.desired_rollouts import JoinedRollout, OfferedRelease, choose_release
from lpse.federation.desired_state import (
    DesiredOutage,
    DesiredState,
    KnownOperator,
    Policy,
    Skipped,
)
from lpse.federation.errors import Refused
from lpse.federation.v1 import directives_pb2 as directives

FORMAT = 1

M = TypeVar("M", bound=Message)


class SnapshotUnreadable(Refused):
    """A stored desired state cannot be read; the caller folds again from the first entry."""

    def __init__(self) -> None:
        super().__init__(
            "FED-2032",
            "the stored desired state was written by another program version",
            remedy="nothing to do: it is computed again from the national journal",
        )


def encode_state(state: DesiredState) -> bytes:
    """The state as canonical JSON in UTF-8."""
    document = {
        "format": FORMAT,
        "size": state.size,
        "pinned_at": state.pinned_at,
        "outages": _outages(state.outages),
        "elsewhere": _outages(state.elsewhere),
        "calendars": {key: _text(value) for key, value in state.calendars.items()},
        "rule_sets": {key: _text(value) for key, value in state.rule_sets.items()},
        "policy": asdict(state.policy),
        "operators": {
            key: {"role": one.role, "key": one.signing_key.hex(), "revoked": one.revoked}
            for key, one in state.operators.items()
        },
        "revoked": state.revoked,
        "releases": {
            key: {"record": _text(one.record), "withdrawn": one.withdrawn}
            for key, one in state.releases.items()
        },
        "rollouts": {key: _rollout(one) for key, one in state.rollouts.items()},
        "skipped": [asdict(one) for one in state.skipped],
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def decode_state(data: bytes) -> DesiredState:
    """The state again; raises `SnapshotUnreadable` for anything that `encode_state` never wrote."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise SnapshotUnreadable
        return _state(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotUnreadable from error


def _state(document: dict[str, Any]) -> DesiredState:
    releases = {
        key: OfferedRelease(_message(directives.ReleasePublished, one["record"]), one["withdrawn"])
        for key, one in document["releases"].items()
    }
    rollouts = {key: _rollout_of(one) for key, one in document["rollouts"].items()}
    return DesiredState(
        size=document["size"],
        pinned_at=document["pinned_at"],
        release=choose_release(releases, rollouts),
        outages=_outages_of(document["outages"]),
        calendars=_each(
            document["calendars"], lambda one: _message(directives.CalendarPublished, one)
        ),
        rule_sets=_each(
            document["rule_sets"], lambda one: _message(directives.RuleSetPublished, one)
        ),
        policy=Policy(**document["policy"]),
        operators=_each(
            document["operators"],
            lambda one: KnownOperator(one["role"], bytes.fromhex(one["key"]), one["revoked"]),
        ),
        revoked=document["revoked"],
        releases=releases,
        rollouts=rollouts,
        elsewhere=_outages_of(document["elsewhere"]),
        skipped=tuple(Skipped(**one) for one in document["skipped"]),
    )


def _outages(outages: Any) -> dict[str, dict[str, object]]:
    return {
        key: {"record": _text(one.record), "index": one.national_index}
        for key, one in outages.items()
    }


def _outages_of(document: dict[str, Any]) -> dict[str, DesiredOutage]:
    return _each(
        document,
        lambda one: DesiredOutage(_message(directives.OutageRevised, one["record"]), one["index"]),
    )


def _rollout(one: JoinedRollout) -> dict[str, object]:
    return {
        "record": _text(one.record),
        "applied_index": one.applied_index,
        "wave_index": one.wave_index,
        "wave": one.wave,
        "waves_opened": one.waves_opened,
        "opened_index": one.opened_index,
        "state": one.state,
    }


def _rollout_of(document: dict[str, Any]) -> JoinedRollout:
    fields = dict(document)
    return JoinedRollout(_message(directives.RolloutApplied, fields.pop("record")), **fields)


T = TypeVar("T")


def _each(document: dict[str, Any], read: Callable[[Any], T]) -> dict[str, T]:
    return {key: read(value) for key, value in document.items()}


def _text(message: Message) -> str:
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def _message(kind: type[M], text: str) -> M:
    return kind.FromString(base64.b64decode(text, validate=True))
