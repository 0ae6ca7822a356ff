"""Codes FED-2030 to 2039 and FED-2236: epochs, exercises and gaps of regional journals.

Keeps the order of the codes. Leaves out the other hundreds.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2030": entry(
        (
            "A new epoch has no foundation",
            "the node's journal began anew without naming a head that the centre holds",
            "restore the node with `backup restore`; then compare both journals",
        ),
        (
            "Epos baru tidak berdasar",
            "jurnal simpul dimulai lagi tanpa menyebut kepala yang dipegang Pusat",
            "pulihkan simpul dengan `backup restore`, lalu bandingkan kedua jurnal",
        ),
    ),
    "FED-2031": entry(
        (
            "A journal of an exercise",
            "it was written with stepped legal time, and this side is in production",
            "enrol the node afresh with an empty data folder",
        ),
        (
            "Jurnal dari latihan",
            "ditulis dengan waktu resmi yang digeser, sedangkan pihak ini produksi",
            "daftarkan simpul kembali dengan folder data kosong",
        ),
    ),
    "FED-2033": entry(
        (
            "A data folder of the other environment",
            "real data and a drill with stepped legal time never share a folder",
            "set `environment` back, or use another data folder for the drill",
        ),
        (
            "Folder data dari lingkungan lain",
            "data nyata dan latihan dengan waktu resmi yang digeser tidak pernah berbagi folder",
            "kembalikan `environment`, atau gunakan folder data lain untuk latihan",
        ),
    ),
    "FED-2032": entry(
        (
            "A stored desired state of another program version",
            "it is only a summary; the national journal itself is complete",
            "nothing: it is computed again from the journal",
        ),
        (
            "Keadaan tersimpan dari versi program lain",
            "itu hanya ringkasan; jurnal nasional tetap lengkap",
            "tidak perlu tindakan: dihitung ulang dari jurnal",
        ),
    ),
    "FED-2236": entry(
        (
            "Entries are missing before a batch",
            "the centre stored nothing of it; the node sends again from the stored size",
            "nothing: the link repairs it by itself",
        ),
        (
            "Ada entri yang belum tiba sebelum kelompok ini",
            "Pusat tidak menyimpannya; simpul mengirim lagi dari ukuran yang tersimpan",
            "tidak perlu tindakan: sambungan memperbaikinya sendiri",
        ),
    ),
}
