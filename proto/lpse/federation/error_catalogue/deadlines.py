"""Codes FED-5030 to FED-5049: replacing, hand-overs at one time, the node's clock.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-5030": entry(
        (
            "There is no earlier submission to replace",
            "a submission replaces an accepted one of the same vendor, package and stage",
            "copy the intake key from the receipt of the earlier submission",
        ),
        (
            "Tidak ada penyampaian sebelumnya untuk diganti",
            "yang diganti harus sudah diterima, dari penyedia, paket, dan tahap yang sama",
            "salin kunci penerimaan dari tanda terima sebelumnya",
        ),
    ),
    "FED-5031": entry(
        (
            "Too many packages are being handed over at this moment",
            "nothing was opened or handed over by this call",
            "try again in a moment",
        ),
        (
            "Terlalu banyak paket sedang diserahkan saat ini",
            "panggilan ini tidak membuka atau menyerahkan apa pun",
            "coba lagi sebentar lagi",
        ),
    ),
    "FED-5032": entry(
        (
            "No item of the queue has this name",
            "an item is named queue/ and the 64 hexadecimal digits of its digest",
            "copy the name from: lpse-node queue list",
        ),
        (
            "Tidak ada butir antrean dengan nama ini",
            "nama butir adalah queue/ dan 64 digit heksadesimal sidik digitalnya",
            "salin namanya dari: lpse-node queue list",
        ),
    ),
    "FED-5033": entry(
        (
            "The clock of this node was set",
            "until the next contact with the centre its readings are less certain by as much",
            "find out who or what set it; switch time synchronisation on",
        ),
        (
            "Jam simpul ini diubah",
            "sampai tersambung lagi dengan Pusat, ketidakpastian jam bertambah sebesar itu",
            "cari tahu siapa atau apa yang mengubahnya; nyalakan sinkronisasi waktu",
        ),
    ),
}
