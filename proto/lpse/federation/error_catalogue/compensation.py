"""Codes FED-40nn: documents people write, versions, times, calendars, rule sets, stages.

Keeps the order of the codes. Leaves out outages and decisions (FED-41nn and above).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

_DOCUMENTS: Final[dict[str, Entry]] = {
    "FED-4001": entry(
        (
            "The document is not what its format says",
            "a value has the wrong type or form at the place named; nothing was read from it",
            "correct the value at that place and try again",
        ),
        (
            "Dokumen tidak sesuai formatnya",
            "ada nilai yang salah jenis atau bentuk di tempat yang disebut; tidak ada yang dibaca",
            "perbaiki nilai di tempat itu lalu coba lagi",
        ),
    ),
    "FED-4002": entry(
        (
            "The document has a key that is unknown or repeated",
            "it may be a slip of the pen, and guessing could change a deadline; nothing was read",
            "use the key that is suggested, or remove it",
        ),
        (
            "Dokumen memuat kunci yang tidak dikenal atau berulang",
            "mungkin salah ketik, dan menebak dapat mengubah batas waktu; tidak ada yang dibaca",
            "gunakan kunci yang disarankan, atau hapus kunci itu",
        ),
    ),
    "FED-4003": entry(
        (
            "The document lacks a key",
            "a value that the computation needs is not there; nothing is assumed instead",
            "add the key that is named",
        ),
        (
            "Dokumen kekurangan kunci",
            "nilai yang diperlukan perhitungan tidak ada; tidak ada yang diandaikan",
            "tambahkan kunci yang disebut",
        ),
    ),
    "FED-4004": entry(
        (
            "The document goes beyond a limit",
            "it is too large, or a list, text, number or outage in it is too long",
            "check that it is the right file; split it or correct the value",
        ),
        (
            "Dokumen melampaui batas",
            "terlalu besar, atau ada daftar, teks, angka, atau gangguan yang terlalu panjang",
            "periksa apakah berkasnya benar; pecah atau perbaiki nilainya",
        ),
    ),
    "FED-4010": entry(
        (
            "This is not an SPSE version",
            "only MAJOR.MINOR[.PATCH][uYYYYMMDD] with an optional v is a version",
            "write it like 3.0, 3.6.1 or v4.5u20250321",
        ),
        (
            "Ini bukan versi SPSE",
            "versi hanya berbentuk MAYOR.MINOR[.TAMBALAN][uTTTTBBHH], boleh diawali v",
            "tulis seperti 3.0, 3.6.1, atau v4.5u20250321",
        ),
    ),
}

_TIMES: Final[dict[str, Entry]] = {
    "FED-4020": entry(
        (
            "A time has no zone",
            "the same wall time is three different moments in Indonesia; none was chosen",
            "write the offset, like 2015-03-27T10:00:00+07:00",
        ),
        (
            "Waktu tanpa zona",
            "jam yang sama adalah tiga saat berbeda di Indonesia; tidak ada yang dipilih",
            "tulis selisihnya, seperti 2015-03-27T10:00:00+07:00",
        ),
    ),
    "FED-4021": entry(
        (
            "An end is before its start",
            "such a span holds no time and cannot be counted",
            "exchange or correct the two times",
        ),
        (
            "Akhir mendahului awal",
            "rentang seperti itu tidak memuat waktu dan tidak dapat dihitung",
            "tukar atau perbaiki kedua waktu",
        ),
    ),
    "FED-4022": entry(
        (
            "A year no schedule can have",
            "the time lies outside the years for which schedules are computed",
            "correct the year; if outages chase each other for years, close the open one",
        ),
        (
            "Tahun yang tidak mungkin pada jadwal",
            "waktunya di luar tahun yang dapat dihitung untuk jadwal",
            "perbaiki tahunnya; jika gangguan beruntun bertahun-tahun, tutup yang masih terbuka",
        ),
    ),
    "FED-4023": entry(
        (
            "Not a time zone of Indonesia",
            "a package's dates are read in the zone of an Indonesian node",
            "use Asia/Jakarta, Asia/Pontianak, Asia/Makassar or Asia/Jayapura",
        ),
        (
            "Bukan zona waktu Indonesia",
            "tanggal paket dibaca dalam zona simpul di Indonesia",
            "gunakan Asia/Jakarta, Asia/Pontianak, Asia/Makassar, atau Asia/Jayapura",
        ),
    ),
    "FED-4030": entry(
        (
            "The calendar leaves no working day",
            "a deadline must fall on a working day and none was found within a year",
            "check the calendar's list of holidays",
        ),
        (
            "Kalender tidak menyisakan hari kerja",
            "batas akhir harus jatuh pada hari kerja, tetapi tidak ada dalam setahun",
            "periksa daftar hari libur pada kalender",
        ),
    ),
    "FED-4031": entry(
        (
            "Two calendars claim the same revision",
            "both say they are the same revision of the same year but list different days",
            "publish the right one under a new revision",
        ),
        (
            "Dua kalender mengaku revisi yang sama",
            "revisi dan tahunnya sama tetapi daftar harinya berbeda",
            "terbitkan yang benar sebagai revisi baru",
        ),
    ),
}

_SCHEDULES: Final[dict[str, Entry]] = {
    "FED-4042": entry(
        (
            "There is no such rule set",
            "no rule set with that id ships with the program; nothing was computed",
            "give the rule set as a file, or correct the id",
        ),
        (
            "Aturan tidak ditemukan",
            "tidak ada aturan bawaan dengan id itu; tidak ada yang dihitung",
            "berikan aturan sebagai berkas, atau perbaiki id-nya",
        ),
    ),
    "FED-4050": entry(
        (
            "A stage ends before it starts",
            "the schedule was not accepted",
            "correct the start or the end of that stage",
        ),
        (
            "Tahap berakhir sebelum mulai",
            "jadwal tidak diterima",
            "perbaiki awal atau akhir tahap itu",
        ),
    ),
    "FED-4051": entry(
        (
            "Two stages have the same name",
            "rules and couplings name stages, so each name may stand once only",
            "give every stage of the package its own name",
        ),
        (
            "Dua tahap bernama sama",
            "aturan menyebut tahap dengan nama, jadi tiap nama hanya boleh sekali",
            "beri setiap tahap paket namanya sendiri",
        ),
    ),
    "FED-4052": entry(
        (
            "Stages follow each other in a circle",
            "the couplings of the rule set leave no stage to begin with; nothing was computed",
            "remove one of the couplings named from the rule set",
        ),
        (
            "Tahap saling mengikuti berputar",
            "kaitan dalam aturan tidak menyisakan tahap awal; tidak ada yang dihitung",
            "hapus salah satu kaitan yang disebut dari aturan",
        ),
    ),
    "FED-4060": entry(
        (
            "No rule set was named",
            "neither the package nor the command says by which rules to compute",
            "add rule_set to the package or give --rule-set",
        ),
        (
            "Aturan tidak disebut",
            "paket maupun perintah tidak menyebut aturan yang dipakai menghitung",
            "tambahkan rule_set pada paket atau berikan --rule-set",
        ),
    ),
    "FED-4061": entry(
        (
            "An outage is open and no time was given",
            "an open outage can only be computed as of a stated time",
            "give --as-of, like 2015-03-29T12:00:00+07:00",
        ),
        (
            "Gangguan belum selesai dan waktu hitung tidak diberikan",
            "gangguan yang belum selesai hanya dapat dihitung per waktu tertentu",
            "berikan --as-of, seperti 2015-03-29T12:00:00+07:00",
        ),
    ),
}

ENTRIES: Final[dict[str, Entry]] = {**_DOCUMENTS, **_TIMES, **_SCHEDULES}
