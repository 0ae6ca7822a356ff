"""Codes FED-704n: the reconciliation log as people read, follow and export it.

Keeps the order of the codes. Leaves out runs and resolutions (`reconciliation`).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-7040": entry(
        (
            "A filter of the log that cannot be used",
            "no entry could be compared with it; nothing was listed",
            "correct the filter as the message says",
        ),
        (
            "Saringan log tidak dapat dipakai",
            "tidak ada entri yang dapat dibandingkan dengannya; tidak ada yang ditampilkan",
            "perbaiki saringan seperti disebut pada pesan",
        ),
    ),
    "FED-7041": entry(
        (
            "There is no such entry in the run",
            "the run has fewer entries, counted from 0",
            "see the entries of the run: recon get RUN --entries",
        ),
        (
            "Entri itu tidak ada dalam rekonsiliasi ini",
            "rekonsiliasi ini punya lebih sedikit entri, dihitung dari 0",
            "lihat entri rekonsiliasi: recon get RUN --entries",
        ),
    ),
    "FED-7042": entry(
        (
            "Too many follow or export the log at the same time",
            "nothing is wrong with the request; the others keep their places",
            "try again in a moment",
        ),
        (
            "Terlalu banyak yang mengikuti atau mengekspor log sekaligus",
            "permintaan ini tidak salah; yang lain tetap pada tempatnya",
            "coba lagi sebentar lagi",
        ),
    ),
    "FED-7043": entry(
        (
            "The export does not verify",
            "it was changed, cut off, or is not an export; it proves nothing",
            "keep the file as evidence and export again",
        ),
        (
            "Ekspor tidak lolos pemeriksaan",
            "berkas diubah, terpotong, atau bukan ekspor; tidak membuktikan apa pun",
            "simpan berkas sebagai bukti dan ekspor lagi",
        ),
    ),
    "FED-7044": entry(
        (
            "The export cannot be written there",
            "nothing was left under that name, and what stood there is untouched",
            "choose another file name, or make room on the disk",
        ),
        (
            "Ekspor tidak dapat ditulis di sana",
            "tidak ada yang tertinggal dengan nama itu, dan isinya semula tidak disentuh",
            "pilih nama berkas lain, atau kosongkan ruang disk",
        ),
    ),
    "FED-7045": entry(
        (
            "No key to verify the export with",
            "an export names its key, but whoever changes a file can change that too",
            "give the key that was handed to you: --key lkpp+… or --key FILE",
        ),
        (
            "Tidak ada kunci untuk memeriksa ekspor",
            "ekspor menyebut kuncinya, tetapi pengubah berkas dapat mengubahnya juga",
            "berikan kunci yang diserahkan kepada Anda: --key lkpp+… atau --key BERKAS",
        ),
    ),
    "FED-7046": entry(
        (
            "That name stands for several runs",
            "the node gave the number again after a restore, or two machines had one identity",
            "take one of the names in the message, with what stands behind the @",
        ),
        (
            "Nama itu dipakai beberapa rekonsiliasi",
            "simpul memakai nomor itu lagi setelah pemulihan, atau dua mesin beridentitas sama",
            "pakai salah satu nama pada pesan, lengkap dengan bagian setelah tanda @",
        ),
    ),
}
