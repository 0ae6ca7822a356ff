"""Golden vectors of the compensation arithmetic: schedules, outages and what they must give.

Each vector was worked out by hand from the rules, not taken from the program; its `why` says which
rule it shows. The vectors use the documents of `lpse-node compensation preview`, so they can be
run against any other implementation of the rules too.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from lpse.federation.documents import as_time
from regional_node.schedule.preview import PreviewInputs, preview

VECTORS = json.loads((Path(__file__).parent / "vectors" / "compensation.json").read_text("utf-8"))
CHECKED = (
    "name",
    "proposed_start",
    "proposed_end",
    "days",
    "lost_seconds",
    "touched_dates",
    "provisional",
)


def run(vector: dict[str, Any]) -> dict[str, Any]:
    rules = vector["rule_set"]
    return preview(
        PreviewInputs(
            package=json.dumps(vector["package"]).encode(),
            outages=json.dumps(vector["outages"]).encode(),
            rule_set=rules if isinstance(rules, str) else json.dumps(rules).encode(),
            calendar=json.dumps(vector["calendar"]).encode(),
            as_of=as_time(vector["as_of"], "as_of") if "as_of" in vector else None,
        )
    ).document


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    """The proposal is the one worked out by hand."""
    answer = run(vector)["stages"]
    assert [{key: stage[key] for key in CHECKED} for stage in answer] == vector["expect"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_printed_arithmetic_arrives_at_the_proposal(vector: dict[str, Any]) -> None:
    """Every stage has steps in both languages, and the last one holds at the proposed end."""
    for stage in run(vector)["stages"]:
        assert stage["steps"][-1]["kind"] == "RESULT"
        assert stage["steps"][-1]["end"] == stage["proposed_end"]
        assert all(step["en"] and step["id"] for step in stage["steps"])
