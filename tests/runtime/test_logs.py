"""Logs: machine-readable, with a UTC time, and never with a secret of a bid."""

from __future__ import annotations

import json
from io import StringIO

import pytest
import structlog

from lpse.runtime import logs

SECRET = "4242011 PT Rahasia Jaya penawaran.rhs"
SECRET_KEYS = [
    *("vendor", "VENDOR_REF", "package", "package_code", "paket", "bid", "seat", "salt"),
    *("file", "file_name", "filename", "files", "code_secret"),
]


def test_line_is_json_with_time_level_and_ids() -> None:
    """Every line carries event, level, UTC time and the ids of the process."""
    text = StringIO()
    logs.configure(stream=text, node="lpse-pacitan").info("link.up", attempt=3)
    line = json.loads(text.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "link.up", "level": "info", "node": "lpse-pacitan", "attempt": 3}


@pytest.mark.parametrize("key", SECRET_KEYS)
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_secret_keys_are_dropped_at_every_level(key: str, level: str) -> None:
    """A key that could name a bidder, package or file loses its value whatever the level."""
    text = StringIO()
    log = logs.configure(level="DEBUG", stream=text)
    getattr(log, level)("upload.accepted", **{key: SECRET}, bytes=7)
    line = json.loads(text.getvalue())
    assert SECRET not in text.getvalue()
    assert line[logs.DROPPED] == [key] and line["bytes"] == 7


def test_bound_and_context_keys_are_dropped_too() -> None:
    """It does not matter how a secret key came into the event."""
    text = StringIO()
    log = logs.configure(stream=text)
    with structlog.contextvars.bound_contextvars(package=SECRET, request_id="r1"):
        log.bind(vendor=SECRET).info("x")
    assert SECRET not in text.getvalue() and json.loads(text.getvalue())["request_id"] == "r1"


def test_exception_is_logged_by_type_and_place() -> None:
    """The text of an exception may hold a secret; its type and place in the code do not."""
    text = StringIO()
    log = logs.configure(stream=text)
    try:
        raise KeyError(SECRET)
    except KeyError:
        log.exception("worker.failed")
    line = json.loads(text.getvalue())
    assert SECRET not in text.getvalue()
    assert line["where"][0] == "KeyError" and line["where"][1].startswith("test_logs.")


def test_terminal_gets_a_readable_form_and_the_same_secrecy() -> None:
    """People at a terminal read plain lines, without secrets."""
    text = StringIO()
    logs.configure(stream=text, json=False).info("x", package=SECRET)
    assert SECRET not in text.getvalue() and "x" in text.getvalue()
    with pytest.raises(ValueError, match="no-such"):
        logs.configure(stream=text, level="no-such")


def test_level_filters() -> None:
    """Below the level nothing is written."""
    text = StringIO()
    log = logs.configure(level="WARNING", stream=text)
    log.info("quiet")
    log.warning("loud")
    assert json.loads(text.getvalue())["event"] == "loud"
