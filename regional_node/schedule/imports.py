"""Package files as people and SPSE write them: JSON or CSV, read strictly.

Pure: from bytes to documents. JSON holds one package or a list of them, in the form that the
preview reads; CSV holds one row per stage, the package's columns repeated or left empty after its
first row. A time in CSV may be local ("2015-03-31 12:00", the package's zone) or RFC 3339. Leaves
out what an import may change (`rules`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lpse.federation import documents
from lpse.federation.acts import subject_digest
from lpse.federation.errors import Refused
from lpse.federation.intervals import indonesian_zone
from lpse.federation.limits import (
    IMPORT_PACKAGES_MAX,
    PACKAGE_CODE_CHARACTERS_MAX,
    SCHEDULE_DOCUMENT_BYTES_MAX,
    STAGES_MAX,
)
from lpse.federation.stages import Stage
from regional_node.schedule.preview import parse_package
from regional_node.schedule.rules import Imported

COLUMNS: Final = ("code", "name", "zone", "rule_set", "stage", "start", "end")
_NEEDED: Final = ("code", "stage", "start", "end")
_LOCAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}[:.][0-9]{2}")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class PackageFileError(Refused):
    """The file is no list of packages (FED-4119), or a place in it is wrong (FED-400x)."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for packages that do not say it themselves."""

    zone: str
    rule_set: str = ""


def read_packages(data: bytes, defaults: Defaults) -> list[Imported]:
    """Every package of a JSON or CSV file; the first character tells which it is."""
    if len(data) > SCHEDULE_DOCUMENT_BYTES_MAX:
        raise _wrong(f"is larger than {SCHEDULE_DOCUMENT_BYTES_MAX} bytes")
    head = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if not head:
        raise _wrong("is empty")
    items = _json_items(data) if head in b"{[" else _csv_items(data, defaults)
    if not items:
        raise _wrong("holds no package")
    if len(items) > IMPORT_PACKAGES_MAX:
        raise _wrong(f"holds more than {IMPORT_PACKAGES_MAX} packages")
    return [_imported(item, defaults) for item in items]


def imported(code: str, title: str, zone: str, rule_set: str, stages: Sequence[Stage]) -> Imported:
    """A checked package with the digest of what it says."""
    if len(code) > PACKAGE_CODE_CHARACTERS_MAX or not _CODE.fullmatch(code):
        raise _wrong(
            f"has a package code with other characters than letters, digits, dots and hyphens, "
            f"or with more than {PACKAGE_CODE_CHARACTERS_MAX}"
        )
    if not 1 <= len(stages) <= STAGES_MAX or len({one.name for one in stages}) != len(stages):
        raise _wrong(f"has a package without 1 to {STAGES_MAX} stages of different names")
    indonesian_zone(zone)
    said = {
        "code": code,
        "name": title,
        "zone": zone,
        "rule_set": rule_set,
        "stages": [[one.name, one.start.isoformat(), one.end.isoformat()] for one in stages],
    }
    return Imported(code, title, zone, rule_set, tuple(stages), subject_digest(said))


def _imported(item: object, defaults: Defaults) -> Imported:
    package = parse_package(item, default_zone=defaults.zone)
    return imported(
        package.code,
        package.name,
        package.zone.key,
        package.rule_set or defaults.rule_set,
        package.stages,
    )


def _json_items(data: bytes) -> list[object]:
    document = documents.parse_json(data, "package file")
    return document if isinstance(document, list) else [document]


def _csv_items(data: bytes, defaults: Defaults) -> list[object]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _wrong("is neither JSON nor UTF-8 text") from error
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        reader = csv.DictReader(io.StringIO(text), delimiter=delimiter, strict=True)
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        _check_columns(names)
        packages: dict[str, dict[str, object]] = {}
        for row in reader:
            _add_row(packages, row, reader.line_num, defaults)
    except csv.Error as error:
        raise _wrong("is no CSV that can be read: a quotation mark is not closed") from error
    return list(packages.values())


def _check_columns(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in _NEEDED if name not in names]
    if unknown or missing or len(set(names)) != len(names):
        problem = f"has the unknown column {unknown[0][:40]!a}" if unknown else ""
        problem = problem or (f"lacks the column {missing[0]!r}" if missing else "repeats a column")
        raise _wrong(problem, remedy="columns: " + ", ".join(COLUMNS))


def _add_row(
    packages: dict[str, dict[str, object]],
    row: Mapping[str | None, object],
    line: int,
    defaults: Defaults,
) -> None:
    where = f"line {line}"
    if None in row or any(value is None for value in row.values()):
        raise _wrong(f"has more or fewer fields than columns in {where}")
    cells = {str(key): str(value).strip() for key, value in row.items()}
    if not any(cells.values()):
        return
    code = cells["code"] or (next(reversed(packages)) if packages else "")
    known = packages.setdefault(code, {"code": code, "stages": []})
    for key in ("name", "zone", "rule_set"):
        value = cells.get(key, "")
        if value and known.setdefault(key, value) != value:
            raise _wrong(f"contradicts itself about {key} in {where}")
    zone = str(known.get("zone") or defaults.zone)
    stages = known["stages"]
    assert isinstance(stages, list)
    stages.append(
        {
            "name": cells["stage"],
            "start": _time(cells["start"], zone),
            "end": _time(cells["end"], zone),
        }
    )


def _time(text: str, zone: str) -> str:
    """A local time as RFC 3339; anything else goes on as it is, to be judged there."""
    if not _LOCAL.fullmatch(text):
        return text
    try:
        naive = datetime.fromisoformat(f"{text[:10]}T{text[11:13]}:{text[14:16]}:00")
    except ValueError:
        return text
    return naive.replace(tzinfo=indonesian_zone(zone)).isoformat()


def _wrong(problem: str, *, remedy: str = "") -> PackageFileError:
    return PackageFileError("FED-4119", f"the package file {problem}", remedy=remedy)
