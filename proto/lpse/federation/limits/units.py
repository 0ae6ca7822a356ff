"""Binary units, in bytes: what sizes in `lpse.federation.limits` are spoken in.

A part of `lpse.federation.limits`.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
