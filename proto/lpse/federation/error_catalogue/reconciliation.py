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
    "FED-7003": entry(
        (
            "A recorded run that its node may not have written like this",
            "it bears another node's name, or figures that no run has; it is parked",
            "look at the parked entry and ask the node",
        ),
        (
            "Catatan rekonsiliasi yang tidak mungkin ditulis simpulnya seperti ini",
            "bernama simpul lain, atau angkanya mustahil; catatan itu disisihkan",
            "periksa entri yang disisihkan dan tanyakan kepada simpulnya",
        ),
    ),
    "FED-7011": entry(
        (
            "A recorded decision that cannot be taken again",
            "its record lacks the words or the evidence that its rule needs",
            "look at the evidence itself: recon get RUN --output json",
        ),
        (
            "Keputusan tercatat yang tidak dapat diulang",
            "catatannya tidak memuat kata atau bukti yang diperlukan aturannya",
            "periksa buktinya: recon get RUN --output json",
        ),
    ),
}
