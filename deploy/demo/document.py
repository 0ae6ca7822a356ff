"""The one JSON document of a demonstration: a tested contract.

Owns its form (README.md of this folder) and the questions from which it is filled. Rule: every
figure was measured in this run, by asking the running programs or by reading the disks; times of
packages carry the offset of the package's zone. Leaves out the judgement (`verification`).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from deploy.demo import upgrade
from deploy.demo.centre import OPERATOR
from deploy.demo.federation import Federation
from deploy.demo.node import Node
from deploy.demo.scenario import UPLOAD
from deploy.demo.together import together
from deploy.demo.verification import UploadFigures
from lpse.terminal.plain import plain

_NO_ROLLOUT: Final = {
    "name": None, "from": None, "to": None, "waves": 0, "applied": 0, "held": 0, "rolled_back": 0,
}  # fmt: skip


async def before(world: Federation) -> dict[str, str]:
    """The version that every node's service reports before anything happens."""
    return {node.id: (await node.status()).service_version for node in world.nodes.values()}


async def document(
    world: Federation, versions: dict[str, str], uploads: UploadFigures, seed: int
) -> dict[str, Any]:
    """Everything of the contract, from the running programs."""
    compensations = await together(_compensations(node) for node in world.nodes.values())
    return {
        "scenario": world.scenario.name,
        "seed": seed,
        "ok": world.story.ok,
        "nodes": await _nodes(world, versions),
        "uploads": asdict(uploads),
        "outages": [await _outage(world)],
        "compensations": [row for rows in compensations for row in rows],
        "rollout": await _rollout(world),
        "reconciliation": await runs(world),
    }


async def runs(world: Federation) -> list[dict[str, Any]]:
    """Every reconciliation run that the centre knows, oldest first."""
    answer = await world.centre.ctl(OPERATOR, "recon", "list")
    return [_run(row) for row in reversed(items(answer.document))]


def items(document: Any) -> list[dict[str, Any]]:
    """The rows of a list, with or without what is said about it."""
    rows = document["items"] if isinstance(document, dict) else document
    return list(rows)


async def _nodes(world: Federation, versions: dict[str, str]) -> list[dict[str, Any]]:
    seen = await world.centre.statuses()
    return [
        {
            "node_id": node.id,
            "province": seen[node.id].province,
            "zone": seen[node.id].zone,
            "version_before": versions[node.id],
            "version_after": (await node.status()).service_version,
            "service": plain(seen[node.id])["service"],
            "link": plain(seen[node.id])["link"],
        }
        for node in world.nodes.values()
    ]


async def _outage(world: Federation) -> dict[str, Any]:
    declared = world.scenario.outage
    told = (await world.centre.ctl(OPERATOR, "outage", "get", declared.name)).document
    window, zone = told["revision"]["window"], ZoneInfo(declared.zone)
    receipts = [one for one in told["receipts"] if one["revision"]]
    return {
        "name": told["name"],
        "scope": told["revision"]["scope"],
        "start_time": _edge(window, "start", zone),
        "end_time": _edge(window, "end", zone),
        "nodes_received": len(receipts),
        "nodes_applied_late": sum(one["late"] for one in receipts),
    }


async def _compensations(node: Node) -> list[dict[str, Any]]:
    """Bid deadlines that a proposal moves; a package whose deadline stays has no row."""
    listed = items((await node.lpse("compensation", "list")).document)
    return [
        _compensation(node.id, one, stage)
        for one in listed
        for stage in one["adjustments"]
        if stage["stage"] == UPLOAD
    ]


def _compensation(node_id: str, one: dict[str, Any], stage: dict[str, Any]) -> dict[str, Any]:
    zone = ZoneInfo(one["zone"])
    return {
        "package": one["package"],
        "node_id": node_id,
        "stage": stage["stage"],
        "old_end": _local(stage["old_end_time"], zone),
        "proposed_end": _local(stage["new_end_time"], zone),
        "rule_set": one["rule_set"],
        "state": one["state"],
    }


async def _rollout(world: Federation) -> dict[str, Any]:
    release = world.scenario.release
    if release is None:
        return dict(_NO_ROLLOUT)
    told = await upgrade.state(world, f"rollouts/spse-{release.version}")
    nodes = [plain(node) for wave in told.waves for node in wave.nodes]
    return {
        "name": told.name,
        "from": world.scenario.version,
        "to": told.version,
        "waves": len(told.waves),
        "applied": sum(node["progress"] == "APPLIED" for node in nodes),
        "held": told.ever_held_count,
        "rolled_back": sum(node["state"] == "ROLLED_BACK" for node in nodes),
    }


def _run(row: dict[str, Any]) -> dict[str, Any]:
    record = row["record"]
    return {
        "run": record["run"],
        "node_id": row["node_id"],
        "trigger": record["trigger"],
        "attempts": record["attempts"],
        "link_down_seconds": record["link_down_seconds"],
        "entries_sent": record["entries_sent"],
        "matched": record["both_count"],
        "missing_at_centre": record["only_node_count"],
        "different": record["different_count"],
        "heads_equal": record["heads_equal"],
    }


def _edge(window: dict[str, Any], edge: str, zone: ZoneInfo) -> str | None:
    """A declared civil date begins at midnight of the zone in which it was spoken."""
    if day := window[f"{edge}_date"]:
        return datetime.fromisoformat(day).replace(tzinfo=zone).isoformat()
    moment = window[f"{edge}_time"]
    return _local(moment, zone) if moment else None


def _local(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).isoformat()
