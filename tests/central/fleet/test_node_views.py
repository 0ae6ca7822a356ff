"""What `lkppctl node list` says about nodes that a person must look at."""

from __future__ import annotations

import pytest

from central.ctl.node_views import tell_list

FORGED = "lpse-kalsel: came back"


def test_a_version_writes_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever holds a stolen key says what it runs; its words stay one word of our line."""
    row = {
        "node_id": "lpse-pacitan",
        "province": "Jawa Timur",
        "service": "UP",
        "link": "CONNECTED",
        "service_version": "",
        "queue_entries": "0",
        "queue_bytes": "0",
        "as_of_time": "2026-03-02T01:00:00Z",
        "recovery": {
            "notice_time": "2026-03-02T01:00:00Z",
            "address": "192.0.2.7",
            "software_version": f"1.0 – resolutions/7\n{FORGED}\x1b[2J",
            "boot_id": "ab" * 16,
            "resolution": "",
        },
    }
    tell_list([row], [])
    told = capsys.readouterr().err
    assert "192.0.2.7" in told and "\x1b" not in told
    assert not any(line.startswith(FORGED) for line in told.splitlines())
