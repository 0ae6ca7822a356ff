"""Codes FED-1nnn: storage and the program itself.

Keeps the order of the codes. Leaves out the other thousands.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-1000": entry(
        (
            "A fault inside the program",
            "this is our mistake, not yours; nothing was accepted by this call",
            "try again; if it happens again, send the log of this moment to the help desk",
        ),
        (
            "Kesalahan di dalam program",
            "ini kesalahan kami, bukan Anda; panggilan ini tidak menerima apa pun",
            "coba lagi; bila terulang, kirim log saat itu ke helpdesk",
        ),
    ),
}
