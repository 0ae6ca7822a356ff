"""The flags that name an outage's cause and attribution know the whole vocabulary."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

from lpse.federation.v1.directives_pb2 import OutageAttribution, OutageCause
from lpse.terminal.outage_flags import Attribution, Cause


@pytest.mark.parametrize(
    ("flags", "contract", "prefix"),
    [
        (Cause, OutageCause, "OUTAGE_CAUSE_"),
        (Attribution, OutageAttribution, "OUTAGE_ATTRIBUTION_"),
    ],
)
def test_every_value_of_the_contract_can_be_said(
    flags: type[StrEnum], contract: Any, prefix: str
) -> None:
    """A value that is added to the contract is missed here until it is a flag's value, too."""
    known = {name.removeprefix(prefix) for name in contract.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - a protobuf enum is no mapping
    assert {one.value for one in flags} == known
