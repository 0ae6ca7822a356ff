"""Codes FED-32nn: plans of wide acts.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-3201": entry(
        (
            "There is no such plan",
            "the name is unknown at the centre",
            "list the plans, or plan again",
        ),
        (
            "Rencana itu tidak ada",
            "nama itu tidak dikenal di Pusat",
            "lihat daftar rencana, atau buat rencana lagi",
        ),
    ),
    "FED-3202": entry(
        (
            "The plan has expired",
            "what it was based on may be old; nothing was done",
            "plan again and have the new plan approved",
        ),
        (
            "Rencana sudah kedaluwarsa",
            "dasarnya mungkin sudah usang; tidak ada yang dilakukan",
            "buat rencana lagi dan mintakan persetujuan",
        ),
    ),
    "FED-3203": entry(
        (
            "The world has changed since the plan was made",
            "it would do something else than was reviewed; nothing was done",
            "plan again and have the new plan approved",
        ),
        (
            "Keadaan sudah berubah sejak rencana dibuat",
            "akibatnya bukan lagi yang ditinjau; tidak ada yang dilakukan",
            "buat rencana lagi dan mintakan persetujuan",
        ),
    ),
    "FED-3204": entry(
        (
            "The plan lacks approvals",
            "a wide act needs another person; nothing was done",
            "ask a person in the role approver to approve it",
        ),
        (
            "Rencana belum cukup disetujui",
            "tindakan luas memerlukan orang lain; tidak ada yang dilakukan",
            "minta orang berperan approver untuk menyetujuinya",
        ),
    ),
    "FED-3205": entry(
        (
            "Nobody approves an own plan",
            "two persons must stand behind a wide act",
            "ask a second person in the role approver",
        ),
        (
            "Rencana sendiri tidak dapat disetujui sendiri",
            "tindakan luas harus didukung dua orang",
            "minta orang kedua yang berperan approver",
        ),
    ),
    "FED-3206": entry(
        (
            "The plan is not the one that was reviewed",
            "its digest is another one; nothing was done",
            "review the plan again",
        ),
        (
            "Rencana ini bukan yang ditinjau",
            "sidik digitalnya lain; tidak ada yang dilakukan",
            "tinjau rencana itu lagi",
        ),
    ),
    "FED-3207": entry(
        (
            "The number of nodes is another one",
            "who confirmed did not see how wide the act is; nothing was done",
            "review the plan again, then give the number of its nodes",
        ),
        (
            "Jumlah simpul tidak sama",
            "yang mengonfirmasi belum melihat luasnya; tidak ada yang dilakukan",
            "tinjau rencana lagi, lalu sebutkan jumlah simpulnya",
        ),
    ),
    "FED-3208": entry(
        (
            "The plan is of another act",
            "this command applies plans of its own kind only",
            "use the command of the noun that made the plan",
        ),
        (
            "Rencana ini untuk tindakan lain",
            "perintah ini hanya melaksanakan rencana jenisnya sendiri",
            "pakai perintah dari jenis yang membuat rencana itu",
        ),
    ),
    "FED-3209": entry(
        (
            "A plan is malformed or too large",
            "it was not stored",
            "give a reason; plan for fewer nodes at a time",
        ),
        (
            "Rencana salah bentuk atau terlalu besar",
            "tidak disimpan",
            "beri alasan; rencanakan lebih sedikit simpul sekaligus",
        ),
    ),
    "FED-3210": entry(
        (
            "The plan was applied, or is fully approved",
            "a plan is applied once; nothing was changed",
            "look at its result; make a new plan for a new act",
        ),
        (
            "Rencana sudah dilaksanakan atau sudah penuh persetujuan",
            "rencana dilaksanakan sekali; tidak ada yang diubah",
            "lihat hasilnya; buat rencana baru untuk tindakan baru",
        ),
    ),
    "FED-3211": entry(
        (
            "Too many plans are open",
            "no further plan was stored",
            "apply open plans, or wait until they expire",
        ),
        (
            "Terlalu banyak rencana terbuka",
            "rencana baru tidak disimpan",
            "laksanakan yang terbuka, atau tunggu sampai kedaluwarsa",
        ),
    ),
}
