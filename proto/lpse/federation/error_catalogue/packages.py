"""Codes FED-41nn and FED-42nn: packages, holds, decisions, outages.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-4101": entry(
        (
            "There is no such package here",
            "the code is unknown at this node",
            "copy the code from SPSE, or import the package",
        ),
        (
            "Paket itu tidak ada di sini",
            "kodenya tidak dikenal di simpul ini",
            "salin kode dari SPSE, atau impor paketnya",
        ),
    ),
    "FED-4109": entry(
        (
            "An import holds too many packages, or none",
            "nothing was imported",
            "split the file",
        ),
        (
            "Impor berisi terlalu banyak paket, atau kosong",
            "tidak ada yang diimpor",
            "bagi berkasnya",
        ),
    ),
    "FED-4115": entry(
        (
            "Nothing was proposed for this package",
            "no counting outage touches its schedule",
            "look at the outages and the package's stages",
        ),
        (
            "Belum ada usulan untuk paket ini",
            "tidak ada gangguan terhitung yang menyentuh jadwalnya",
            "lihat daftar gangguan dan tahap paketnya",
        ),
    ),
    "FED-4102": entry(
        (
            "The upload stage is not clear",
            "the package has several, or none of that name",
            "name the stage of the bid",
        ),
        (
            "Tahap unggah tidak jelas",
            "paket punya beberapa, atau tidak ada yang bernama itu",
            "sebutkan tahap penawaran",
        ),
    ),
    "FED-4103": entry(
        (
            "The rule set of a package cannot change",
            "a tender keeps the rules under which it was announced",
            "leave rule_set out, or write that of the announcement",
        ),
        (
            "Kaidah paket tidak dapat berubah",
            "tender memakai kaidah saat diumumkan",
            "kosongkan rule_set, atau tulis yang diumumkan",
        ),
    ),
    "FED-4104": entry(
        (
            "The zone of a package cannot change",
            "its dates would mean other moments",
            "write the zone of the announcement",
        ),
        (
            "Zona waktu paket tidak dapat berubah",
            "tanggalnya akan berarti saat lain",
            "tulis zona saat diumumkan",
        ),
    ),
    "FED-4105": entry(
        (
            "The selection was cancelled",
            "its schedule moves no more",
            "nothing to do; a new selection is a new package",
        ),
        (
            "Pemilihan dibatalkan",
            "jadwalnya tidak berubah lagi",
            "tak perlu apa-apa; pemilihan baru adalah paket baru",
        ),
    ),
    "FED-4106": entry(
        (
            "A stage of the package is held",
            "only a Pokja decision moves the schedule now",
            "the Pokja decides first: compensation decide",
        ),
        (
            "Suatu tahap paket sedang ditahan",
            "kini hanya keputusan Pokja yang mengubah jadwal",
            "Pokja memutuskan lebih dulu: compensation decide",
        ),
    ),
    "FED-4107": entry(
        (
            "An import would harm a published schedule",
            "deadlines never get shorter and the upload stage never vanishes",
            "correct the file, or have the Pokja decide",
        ),
        (
            "Impor merugikan jadwal yang diumumkan",
            "batas akhir tidak pernah memendek dan tahap unggah tidak hilang",
            "perbaiki berkas, atau mintakan keputusan Pokja",
        ),
    ),
    "FED-4108": entry(
        (
            "A hold cannot move like this",
            "its state allows no such step",
            "look at the package again",
        ),
        (
            "Penahanan tidak dapat berubah begini",
            "keadaannya tidak mengizinkan langkah itu",
            "lihat paketnya lagi",
        ),
    ),
    "FED-4110": entry(
        (
            "A decision is not complete or not allowed",
            "nothing was changed",
            "correct what the message names, then decide again",
        ),
        (
            "Keputusan belum lengkap atau tidak boleh",
            "tidak ada yang diubah",
            "perbaiki yang disebut pesan, lalu putuskan lagi",
        ),
    ),
    "FED-4111": entry(
        (
            "The proposal is not the one that waits",
            "it was computed anew meanwhile; nothing was decided",
            "read the present one with compensation get, then decide",
        ),
        (
            "Usulan ini bukan yang sedang menunggu",
            "sudah dihitung ulang; belum ada keputusan",
            "baca yang sekarang dengan compensation get, lalu putuskan",
        ),
    ),
    "FED-4112": entry(
        (
            "The proposal is provisional",
            "the outage is still open",
            "wait until it is closed, or decide an own end with change",
        ),
        (
            "Usulan masih sementara",
            "gangguan belum selesai",
            "tunggu sampai selesai, atau tetapkan akhir sendiri dengan change",
        ),
    ),
    "FED-4113": entry(
        (
            "The package has no such stage",
            "nothing was decided",
            "copy the official name of the stage",
        ),
        (
            "Paket tidak punya tahap itu",
            "belum ada keputusan",
            "salin nama resmi tahapnya",
        ),
    ),
    "FED-4114": entry(
        (
            "The bids were opened already",
            "the declaration came too late for a new deadline",
            "only cancelling the selection is left",
        ),
        (
            "Penawaran sudah dibuka",
            "penetapan datang terlambat untuk batas akhir baru",
            "yang tersisa hanya membatalkan pemilihan",
        ),
    ),
    "FED-4201": entry(
        (
            "The window of an outage is malformed",
            "nothing was declared",
            "give civil dates, or times by the minute; the end comes after",
        ),
        (
            "Rentang gangguan salah bentuk",
            "tidak ada yang ditetapkan",
            "beri tanggal, atau waktu per menit; akhir sesudah awal",
        ),
    ),
    "FED-4202": entry(
        (
            "This node measured no such outage",
            "the name is unknown here",
            "list the outages and copy the name",
        ),
        (
            "Simpul ini tidak mengukur gangguan itu",
            "nama itu tidak dikenal di sini",
            "lihat daftar gangguan dan salin namanya",
        ),
    ),
    "FED-4204": entry(
        (
            "A link outage never counts",
            "uploads go on while the centre is away",
            "confirm outages of the service only",
        ),
        (
            "Gangguan sambungan tidak pernah dihitung",
            "unggahan tetap jalan saat Pusat tak terjangkau",
            "konfirmasi hanya gangguan layanan",
        ),
    ),
    "FED-4205": entry(
        (
            "A confirmation is not complete",
            "it names cause, attribution and reason",
            "give --cause, --attribution and --reason",
        ),
        (
            "Konfirmasi belum lengkap",
            "ia menyebut sebab, asal, dan alasan",
            "beri --cause, --attribution, dan --reason",
        ),
    ),
    "FED-4206": entry(
        (
            "The outage was confirmed already, in other words",
            "the first confirmation stands",
            "outage get shows it",
        ),
        (
            "Gangguan sudah dikonfirmasi dengan kata lain",
            "konfirmasi pertama tetap berlaku",
            "outage get menampilkannya",
        ),
    ),
}
