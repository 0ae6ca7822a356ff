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
    "FED-7012": entry(
        (
            "The run has no such entry",
            "nothing was decided",
            "count the entries from 0: recon get RUN --entries",
        ),
        (
            "Rekonsiliasi itu tidak memuat entri tersebut",
            "tidak ada yang diputuskan",
            "hitung entri mulai dari 0: recon get RUN --entries",
        ),
    ),
    "FED-7013": entry(
        (
            "There is no such resolution",
            "the name is unknown here",
            "list the resolutions and copy the name",
        ),
        (
            "Keputusan itu tidak ada",
            "nama itu tidak dikenal di sini",
            "lihat daftar keputusan dan salin namanya",
        ),
    ),
    "FED-7014": entry(
        (
            "This cannot be chosen about the entry",
            "nothing was decided; each rule offers a closed list of choices, or none",
            "choose one of the offered ones",
        ),
        (
            "Pilihan itu tidak tersedia untuk entri ini",
            "tidak ada yang diputuskan; tiap aturan menawarkan daftar pilihan tertentu, atau tidak",
            "pilih salah satu yang ditawarkan",
        ),
    ),
    "FED-7015": entry(
        (
            "The attachment cannot be used",
            "it is missing, empty, too large, or not a plainly named file; nothing was decided",
            "name a readable file of at most 10 MB and repeat the command",
        ),
        (
            "Lampiran tidak dapat dipakai",
            "tidak ada, kosong, terlalu besar, atau bukan berkas biasa; belum ada keputusan",
            "sebutkan berkas yang dapat dibaca, paling besar 10 MB, lalu ulangi perintahnya",
        ),
    ),
    "FED-7016": entry(
        (
            "The entry was answered already, or the correction names another answer",
            "nothing was decided; an answer stays, and a correction points back to it",
            "look at the present answer, then correct it by its name",
        ),
        (
            "Entri sudah diputuskan, atau koreksi menyebut keputusan lain",
            "tidak ada yang diputuskan; keputusan tetap ada, koreksi menunjuk kepadanya",
            "periksa keputusan yang berlaku, lalu koreksi dengan namanya",
        ),
    ),
    "FED-7032": entry(
        (
            "The other history has not come to the centre yet, so there is nothing to choose from",
            "nothing was decided; both machines go on as they are and nothing is lost",
            "start the machine that waits, then resolve again; if it is gone, choose ACKNOWLEDGE",
        ),
        (
            "Riwayat yang lain belum sampai di Pusat, jadi belum ada yang dapat dipilih",
            "tidak ada yang diputuskan; kedua mesin berjalan terus dan tidak ada yang hilang",
            "nyalakan mesin yang menunggu, lalu putuskan lagi; bila sudah tiada, pilih ACKNOWLEDGE",
        ),
    ),
    "FED-7033": entry(
        (
            "Several histories of the node wait, and the entry names none of them",
            "nothing was decided; nobody decides about a history that they did not see",
            "resolve the entries that name a branch, one after the other",
        ),
        (
            "Beberapa riwayat simpul menunggu, dan entri ini tidak menyebut salah satunya",
            "tidak ada yang diputuskan; riwayat yang tidak dilihat tidak ikut diputuskan",
            "putuskan entri yang menyebut cabangnya, satu per satu",
        ),
    ),
    "FED-7034": entry(
        (
            "The attachment cannot be read back",
            "the decision and its signature stand; its file was lost or changed here",
            "attach the original file again in a correction; its digest is in the journal",
        ),
        (
            "Lampiran tidak dapat dibaca kembali",
            "keputusan dan tanda tangannya tetap sah; berkasnya hilang atau berubah di sini",
            "lampirkan lagi berkas aslinya dalam koreksi; sidik digitalnya ada dalam jurnal",
        ),
    ),
}
