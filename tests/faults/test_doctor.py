"""The doctor says in plain words what is wrong, in both languages, and ends with a true status."""

from __future__ import annotations

import subprocess
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lpse.terminal import words
from regional_node.cli.finding import Finding
from regional_node.cli.findings import Clock, Facts, Running, failed, judge
from tests.faults.conftest import Copy
from tests.faults.world import BIN, Node, base_environment, call

NOW = datetime(2015, 3, 27, 3, 0, tzinfo=UTC)
RUNNING = Running(
    "NORMAL", "3.6", "CONNECTED", "", 0, 0, 0.1, Clock("MEASURED", 0.1, 0.0), "", "", 0.0
)
WELL = Facts(
    node_id="lpse-pacitan",
    certificate=(NOW - timedelta(days=10), NOW + timedelta(days=80)),
    loose_files=(),
    free_bytes=50_000_000_000,
    total_bytes=100_000_000_000,
    congestion="bbr",
    restored=False,
    exercise=False,
    now=NOW,
    running=RUNNING,
    journal_entries=4,
    journal_problem="",
    ready=True,
    service_port=8_080,
    service_answers=True,
    roads=(("pusat:7443", True),),
)
ILL: dict[str, tuple[str, dict[str, Any]]] = {
    "daemon": ("x", {"running": None}),
    "not ready": ("x", {"ready": False}),
    "enrolment": ("x", {"node_id": ""}),
    "no certificate": ("x", {"certificate": None}),
    "certificate ended": ("!", {"certificate": (NOW - timedelta(days=90), NOW)}),
    "late": ("!", {"certificate": (NOW - timedelta(days=80), NOW + timedelta(days=10))}),
    "full": ("x", {"free_bytes": 1_000_000}),
    "filling": ("!", {"free_bytes": 5_000_000_000}),
    "modes": ("x", {"loose_files": ("identity/tls.key",)}),
    "journal": ("x", {"journal_problem": "the indexes have a gap"}),
    "restored": ("!", {"restored": True}),
    "link": ("!", {"running": replace(RUNNING, link="DISCONNECTED", clock_offset_seconds=None)}),
    "paused": ("!", {"running": replace(RUNNING, link="PAUSED")}),
    "quarantine": ("!", {"running": replace(RUNNING, link="QUARANTINED", quarantine="forked")}),
    "clock": ("x", {"running": replace(RUNNING, clock_offset_seconds=-90.0)}),
    "drift": ("!", {"running": replace(RUNNING, clock_offset_seconds=4.0)}),
    "clock set": ("!", {"running": replace(RUNNING, clock=Clock("MEASURED", 3_600.1, -3_600.0))}),
    "vague clock": ("!", {"running": replace(RUNNING, clock=Clock("UNMEASURED", 60.0, 0.0))}),
    "queue": ("!", {"running": replace(RUNNING, oldest_seconds=200_000.0)}),
    "details": ("!", {"running": replace(RUNNING, details_waiting=3)}),
    "service": ("!", {"service_answers": False}),
    "ports": ("!", {"roads": (("pusat:7443", False),)}),
    "no ports": ("!", {"roads": ()}),
    "congestion": ("!", {"congestion": "cubic"}),
    "exercise": ("!", {"exercise": True}),
}


def test_a_well_node_has_nothing_to_do() -> None:
    """Every check says OK, and none asks for anything."""
    findings = judge(WELL)
    assert {finding.state for finding in findings} == {"OK"}
    assert not any(finding.action or finding.meaning for finding in findings)


@pytest.mark.parametrize("ill", ILL)
def test_every_trouble_is_told_with_its_meaning_and_a_remedy(ill: str) -> None:
    """What keeps the node from its duty fails; what does not is a remark (Invariant 4)."""
    state, change = ILL[ill]
    told = [one for one in judge(replace(WELL, **change)) if one.state != "OK"]
    assert told and told[0].state == state
    assert told[0].meaning and told[0].action
    assert failed(told) is (state == "x")


def test_every_sentence_exists_in_indonesian() -> None:
    """No sentence of the doctor falls back to English."""
    catalogue = words.Words("id")
    catalogue.load(Path(words.__file__).parents[3] / "regional_node" / "locale")
    missing = {
        text
        for _, change in [("", {}), *ILL.values()]
        for finding in judge(replace(WELL, **change))
        for text in _texts(finding)
        if not catalogue.knows(text)
    }
    assert not missing
    assert {field.name for field in fields(Finding)} >= {"found", "meaning", "action"}


async def test_doctor_looks_at_a_real_node(copy: Copy) -> None:
    """Exit 1 without a daemon, 0 with one that only lost the centre; a leaked key fails."""
    _, nodes = copy(0)
    node = nodes["lpse-pacitan"]
    stopped = _states(call("lpse-node", "doctor", environment=node.environment, expect=1))
    assert stopped["daemon"] == "x" and stopped["journal"] == "OK"
    await node.start()
    alone = _states(call("lpse-node", "doctor", environment=node.environment))
    assert alone["daemon"] == alone["journal"] == alone["file modes"] == "OK"
    assert alone["link"] == alone["ports"] == "!"
    (node.data / "identity" / "signing.key").chmod(0o644)
    leaked = _states(call("lpse-node", "doctor", environment=node.environment, expect=1))
    assert leaked["file modes"] == "x"
    node.data.chmod(0o777)
    named = f"get at: {node.data}/, identity/signing.key"
    assert named in _in_words(node, "en_US.UTF-8"), "an open data folder is named, too"
    told = _in_words(node, "id_ID.UTF-8")
    assert "pengguna lain dapat mengakses" in told and "chmod 600" in told
    assert "→" in _in_words(node, "en_US.UTF-8")


def _texts(finding: Finding) -> list[str]:
    listed = (finding.check, finding.found, finding.meaning, finding.action)
    return [text for text in listed if text]


def _states(rows: Any) -> dict[str, str]:
    return {row["check"]: row["state"] for row in rows}


def _in_words(node: Node, language: str) -> str:
    environment = {**base_environment(), **node.environment, "LANG": language}
    command = [str(BIN / "lpse-node"), "doctor"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 1, ran.stderr
    return ran.stdout
