"""Codes of healing: damaged entries of journals that come back from the other side.

A part of `lpse.federation.error_catalogue`, which says what an entry tells.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2426": entry(
        (
            "Bytes that should heal a journal were not taken",
            "they were not asked for, or do not lead to a head that the journal's writer signed",
            "none at first: others are asked; if it stays, look at the journal of the giving side",
        ),
        (
            "Isi yang seharusnya memulihkan jurnal tidak diterima",
            "isi itu tidak diminta, atau tidak menuju kepala yang ditandatangani penulis jurnal",
            "awalnya tidak perlu: pihak lain diminta; bila menetap, periksa jurnal pihak pemberi",
        ),
    ),
    "FED-2427": entry(
        (
            "Damaged entries are not held by the centre",
            "they were not delivered before they were damaged, so nobody can give them back",
            "stop the node and restore its newest backup; the lost tail comes back by itself",
        ),
        (
            "Entri yang rusak tidak dimiliki Pusat",
            "entri itu belum terkirim sebelum rusak, jadi tidak ada yang dapat mengembalikannya",
            "hentikan simpul, pulihkan cadangan terbaru; ekor yang hilang kembali sendiri",
        ),
    ),
    "FED-2428": entry(
        (
            "A damaged journal waits for a node that holds its entries",
            "a node gives them back at one of its next sessions; everything else goes on",
            "none while the node is reachable; else bring it back, or restore a backup",
        ),
        (
            "Jurnal yang rusak menunggu simpul yang memiliki entrinya",
            "simpul mengembalikannya pada salah satu sesi berikut; yang lain tetap berjalan",
            "tidak perlu selama simpul terhubung; bila tidak, pulihkan simpul atau cadangan",
        ),
    ),
}
