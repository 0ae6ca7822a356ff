"""Logs of both programs: structlog, JSON for machines, a readable form on a terminal.

Owns the shape of a log line (event, level, UTC timestamp, node or party, run ids, error code) and
the secrecy rule of logging: no vendor reference, package code or file name at any level. Keys that
would carry one are dropped with their value, and an unexpected exception is logged by type and
place in the code, never by its text. Leaves out metrics and what is worth logging.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, WrappedLogger

from lpse.federation.limits import LOG_FRAMES_MAX

# A part of a key, between underscores, that tells of secret details (domain.md, secrecy).
SECRET_WORDS: Final = frozenset(
    {"vendor", "vendors", "penyedia", "bidder", "bidders", "package", "packages", "paket"}
    | {"file", "files", "filename", "filenames", "bid", "bids", "salt", "seat"}
    | {"secret", "password", "passphrase", "invitation"}
)
DROPPED: Final = "dropped_keys"


def configure(
    *, level: str = "INFO", stream: TextIO | None = None, json: bool | None = None, **ids: str
) -> FilteringBoundLogger:
    """Set up logging once per process; `ids` (node, party, run) stand on every line."""
    out = stream if stream is not None else sys.stdout
    as_json = json if json is not None else not out.isatty()
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            place_exception,
            drop_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_number(level)),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, _Lossy(out))),
        cache_logger_on_first_use=False,
    )
    log: FilteringBoundLogger = structlog.get_logger(**ids)
    return log


class _Lossy:
    """A log that loses lines where its disk is full or gone: no record may fail because of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def drop_secrets(
    logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Remove every key that could name a bidder, a package or a file; say which keys."""
    dropped = sorted(key for key in event if key != "event" and _is_secret(key))
    for key in dropped:
        del event[key]
    if dropped:
        event[DROPPED] = dropped
    return event


def place_exception(
    logger: WrappedLogger, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """`exc_info` becomes type and place: the text of an exception may hold a secret."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()[1]
    elif isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        event["where"] = origin_of(found)
    return event


def origin_of(error: BaseException) -> list[str]:
    """The exception's type and the innermost places of its traceback, without any values."""
    frames = traceback.extract_tb(error.__traceback__)[-LOG_FRAMES_MAX:]
    places = [f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames]
    return [type(error).__name__, *reversed(places)]


def _is_secret(key: str) -> bool:
    lowered = key.lower()
    return lowered in SECRET_WORDS or not SECRET_WORDS.isdisjoint(lowered.split("_"))


def _number(level: str) -> int:
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}")
    return number
