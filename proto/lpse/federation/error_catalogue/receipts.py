"""Codes FED-5108 to FED-5199: proofs, short codes, prints and the public check.

Keeps the order of the codes. Leaves out receipts in files (`opening`).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-5108": entry(
        (
            "This is not a proof from a journal",
            "the file is damaged, cut off, or of another kind",
            "use the file exactly as it was handed out",
        ),
        (
            "Ini bukan bukti dari jurnal",
            "berkas rusak, terpotong, atau jenis lain",
            "pakai berkas persis seperti diberikan",
        ),
    ),
    "FED-5109": entry(
        (
            "The package has not been opened",
            "before it no receipt becomes a proof, so that nobody can count bids",
            "ask again after the opening; the receipt itself is valid as it is",
        ),
        (
            "Paket belum dibuka",
            "sebelum itu tanda terima tak menjadi bukti, agar penawaran tak terhitung",
            "minta lagi setelah pembukaan; tanda terimanya tetap sah",
        ),
    ),
    "FED-5110": entry(
        (
            "The centre has not yet signed that it holds the entry",
            "the entry waits for the link; the receipt is valid as it is",
            "ask again when the link is up: `link status` shows it",
        ),
        (
            "Pusat belum menandatangani bahwa catatannya diterima",
            "catatan menunggu sambungan; tanda terimanya tetap sah",
            "minta lagi saat tersambung: lihat `link status`",
        ),
    ),
    "FED-5111": entry(
        (
            "The parts of a proof do not belong together",
            "receipt, entry or checkpoint was exchanged",
            "keep the file as evidence; ask for the proof again",
        ),
        (
            "Bagian-bagian bukti tidak bersesuaian",
            "tanda terima, catatan, atau titik periksa tertukar",
            "simpan berkas sebagai bukti; minta buktinya lagi",
        ),
    ),
    "FED-5112": entry(
        (
            "This is not the code of a receipt",
            "a character is wrong, missing, or in the wrong place",
            "compare with the paper, or use the receipt's file",
        ),
        (
            "Ini bukan kode tanda terima",
            "ada huruf atau angka yang salah, kurang, atau tertukar",
            "cocokkan dengan kertasnya, atau pakai berkas tanda terima",
        ),
    ),
    "FED-5113": entry(
        (
            "The receipt cannot be set in print now",
            "the signed text is complete and valid without the print",
            "take the text, and ask for the print again in a minute",
        ),
        (
            "Cetakan tanda terima belum dapat dibuat",
            "teks bertanda tangan lengkap dan sah tanpa cetakan",
            "ambil teksnya, lalu minta cetakan lagi semenit kemudian",
        ),
    ),
    "FED-5114": entry(
        (
            "What was given to check cannot be used",
            "it is empty, too large, or not a receipt and digests",
            "give the receipt's file as it was handed out",
        ),
        (
            "Bahan pemeriksaan tidak dapat dipakai",
            "kosong, terlalu besar, atau bukan tanda terima dan sidik digital",
            "berikan berkas tanda terima persis seperti diberikan",
        ),
    ),
    "FED-5115": entry(
        (
            "No receipt with this number is here",
            "this upload link has fewer submissions",
            "open the upload page: it lists its receipts",
        ),
        (
            "Tidak ada tanda terima bernomor ini",
            "tautan unggah ini memuat lebih sedikit penyampaian",
            "buka halaman unggah: tanda terimanya tercantum di sana",
        ),
    ),
    "FED-5116": entry(
        (
            "Which file is the receipt cannot be told",
            "none of the files is a signed text, or a print or JSON form that holds one",
            "give one receipt as it was handed out, its files, and the public key",
        ),
        (
            "Tidak jelas berkas mana tanda terimanya",
            "tidak satu pun berupa teks bertanda tangan, atau cetakan atau JSON yang memuatnya",
            "berikan satu tanda terima seperti diserahkan, berkasnya, dan kunci publik",
        ),
    ),
    "FED-5117": entry(
        (
            "A proof needs the centre's public key too",
            "half of what it shows is the centre's word",
            "give --centre-key; the centre publishes it",
        ),
        (
            "Bukti juga memerlukan kunci publik Pusat",
            "separuh yang ditunjukkannya adalah keterangan Pusat",
            "berikan --centre-key; Pusat menerbitkannya",
        ),
    ),
    "FED-5118": entry(
        (
            "Too many receipts are being checked now",
            "the public check serves a limited number at one time; uploads are not affected",
            "try again in a minute, or check with `lpse-node receipt verify`",
        ),
        (
            "Terlalu banyak tanda terima sedang diperiksa",
            "pemeriksaan umum melayani jumlah terbatas sekaligus; unggahan tidak terganggu",
            "coba lagi semenit kemudian, atau periksa dengan `lpse-node receipt verify`",
        ),
    ),
}
