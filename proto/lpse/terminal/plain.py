"""Messages and dataclasses as plain JSON values: the one form in which programs read our output.

Owns the rules of that form: field names as in the proto, enums without their prefix (`NATIONAL`),
instants in RFC 3339 UTC, digests and other bytes in hexadecimal, numbers as numbers, absent
messages as null. Leaves out text for people.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def plain(value: Any) -> Any:
    """The JSON value that stands for `value`; mappings and messages become dictionaries."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Message):
        return _message(value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return _scalar(value)


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC, without a fraction where there is none."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (str, Path)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no plain form")


def _message(message: Message) -> Any:
    if isinstance(message, Timestamp):
        return _time(message)
    if isinstance(message, Duration):
        return message.ToTimedelta().total_seconds()
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _time(message: Timestamp) -> str | None:
    """Nothing for a time that no calendar has: one party's nonsense must not hide the rest."""
    try:
        return instant(message.ToDatetime(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {str(key): plain(item) for key, item in value.items()}
    if field.is_repeated:
        return [_one(item, field) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _one(value, field)


def _one(value: Any, field: Any) -> Any:
    if field.enum_type is None:
        return plain(value)
    known = field.enum_type.values_by_number.get(value)
    if known is None:
        return str(value)  # of a newer program, or nonsense: a word like the others
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.enum_type.name).upper() + "_"
    return known.name.removeprefix(prefix)
