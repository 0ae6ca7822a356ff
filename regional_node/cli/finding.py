"""One line of the doctor.

Owns its form alone. Leaves out every judgement (`findings`, `disk_findings`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

OK: Final = "OK"
REMARK: Final = "!"
FAILED: Final = "x"


@dataclass(frozen=True, slots=True)
class Finding:
    """Texts are templates for `say`, filled from `fields`."""

    check: str
    state: str
    found: str
    meaning: str = ""
    action: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
