"""Codes FED-7nnn: reconciliation.

Keeps the order of the codes. Leaves out the other thousands.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-7001": entry(
        (
            "There is no such reconciliation run",
            "the name is unknown here",
            "list the runs and copy the name",
        ),
        (
            "Rekonsiliasi itu tidak ada",
            "nama itu tidak dikenal di sini",
            "lihat daftar rekonsiliasi dan salin namanya",
        ),
    ),
    "FED-7002": entry(
        (
            "The page token is not of this list",
            "nothing was listed",
            "begin again without a token",
        ),
        (
            "Token halaman bukan dari daftar ini",
            "tidak ada yang ditampilkan",
            "mulai lagi tanpa token",
        ),
    ),
}
