"""The facts of a scenario, read from `scenarios/<name>.json`: offices, packages, outage, release.

Owns the form of those files and the new ends that are expected, written down by hand from the
worked example and not computed by the programs that are being shown. Leaves out the order of
events: each scenario plays in a module of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

_FOLDER: Final = Path(__file__).with_name("scenarios")
NAMES: Final = ("pacitan-2015", "kalsel-2021")
UPLOAD: Final = "Upload Dokumen Penawaran"


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """A tender package; `new_end` is None where the outage must change nothing."""

    code: str
    name: str
    zone: str
    rule_set: str
    stages: tuple[dict[str, str], ...]
    new_end: datetime | None

    @property
    def old_end(self) -> datetime:
        """The bid deadline as announced."""
        return next(datetime.fromisoformat(s["end"]) for s in self.stages if s["name"] == UPLOAD)

    def document(self) -> dict[str, Any]:
        """As SPSE hands it to `lpse-node package import`."""
        stages = [dict(stage) for stage in self.stages]
        return {
            "code": self.code,
            "name": self.name,
            "zone": self.zone,
            "rule_set": self.rule_set,
            "stages": stages,
        }


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """An office (LPSE) and its packages."""

    node_id: str
    province: str
    zone: str
    packages: tuple[PackageFacts, ...]


@dataclass(frozen=True, slots=True)
class OutageFacts:
    """The disturbance as it is declared."""

    name: str
    scope: str
    province: str
    start: str
    end: str
    precision: str
    zone: str
    cause: str
    attribution: str
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """The version that goes out, its waves, and the node that must hold."""

    version: str
    from_versions: tuple[str, ...]
    waves: tuple[tuple[str, ...], ...]
    held: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that is given before the first process starts."""

    name: str
    title: str
    legal_start: datetime
    version: str
    calendar: dict[str, Any]
    outage: OutageFacts
    release: ReleaseFacts | None
    nodes: tuple[NodeFacts, ...]

    def node(self, node_id: str) -> NodeFacts:
        """The office of that id."""
        return next(node for node in self.nodes if node.node_id == node_id)


def read_scenario(name: str) -> Scenario:
    """One of NAMES."""
    given = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    release = given["release"]
    return Scenario(
        name=given["scenario"],
        title=given["title"],
        legal_start=datetime.fromisoformat(given["legal_start"]),
        version=given["version"],
        calendar=given["calendar"],
        outage=OutageFacts(**given["outage"]),
        release=None
        if release is None
        else ReleaseFacts(
            version=release["version"],
            from_versions=tuple(release["from"]),
            waves=tuple(tuple(wave) for wave in release["waves"]),
            held=release["held"],
        ),
        nodes=tuple(_node(node, given["rule_set"]) for node in given["nodes"]),
    )


def _node(given: dict[str, Any], rule_set: str) -> NodeFacts:
    packages = tuple(
        PackageFacts(
            code=one["code"],
            name=one["name"],
            zone=given["zone"],
            rule_set=rule_set,
            stages=tuple(one["stages"]),
            new_end=None if one["new_end"] is None else datetime.fromisoformat(one["new_end"]),
        )
        for one in given["packages"]
    )
    return NodeFacts(given["node_id"], given["province"], given["zone"], packages)
