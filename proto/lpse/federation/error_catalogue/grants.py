"""Codes FED-53nn: upload grants and the HTTP port that vendors reach.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-5301": entry(
        (
            "This upload address is not valid, or not any more",
            "it was never given, was taken back, or its time is over; nothing was received",
            "open the upload again from SPSE, or ask the help desk of the LPSE",
        ),
        (
            "Alamat unggah ini tidak berlaku, atau sudah tidak berlaku",
            "tidak pernah diberikan, dicabut, atau waktunya habis; tidak ada yang diterima",
            "buka lagi unggahan dari SPSE, atau hubungi helpdesk LPSE",
        ),
    ),
    "FED-5302": entry(
        (
            "The grant asks for more than this node gives",
            "its size or its request_id is beyond the limit; no grant was made",
            "ask for less, or raise intake.upload_bytes_max",
        ),
        (
            "Izin unggah meminta lebih dari batas simpul ini",
            "ukuran atau request_id melewati batas; izin tidak dibuat",
            "minta lebih kecil, atau naikkan intake.upload_bytes_max",
        ),
    ),
    "FED-5303": entry(
        (
            "The end of the grant cannot be used",
            "it lies in the past, too far ahead, or is no instant; no grant was made",
            "give another expire_time with its zone, or none for 90 days",
        ),
        (
            "Waktu berakhir izin unggah tidak dapat dipakai",
            "sudah lewat, terlalu jauh, atau bukan waktu; izin tidak dibuat",
            "beri expire_time lain dengan zonanya, atau kosongkan untuk 90 hari",
        ),
    ),
    "FED-5304": entry(
        (
            "A grant is taken back with a reason",
            "nothing was changed",
            "say in 1 to 500 characters why it is taken back",
        ),
        (
            "Pencabutan izin unggah harus beralasan",
            "tidak ada yang diubah",
            "tuliskan alasan dalam 1 sampai 500 karakter",
        ),
    ),
    "FED-5305": entry(
        (
            "No grant has this name here",
            "grants are named g- and 16 letters",
            "copy the name from the answer that made the grant",
        ),
        (
            "Tidak ada izin unggah bernama ini di sini",
            "nama izin ialah g- dan 16 huruf",
            "salin nama dari jawaban saat izin dibuat",
        ),
    ),
    "FED-5306": entry(
        (
            "This package has as many grants as a node keeps",
            "no further grant was made; those that exist go on working",
            "use the address that the vendor has already, or ask the help desk",
        ),
        (
            "Paket ini sudah punya izin unggah sebanyak batas simpul",
            "izin baru tidak dibuat; yang ada tetap berlaku",
            "pakai alamat yang sudah dimiliki penyedia, atau hubungi helpdesk",
        ),
    ),
    "FED-5307": entry(
        (
            "This request_id stands for another grant",
            "it was used with another wish, or before this node was restored",
            "ask again with a new request_id",
        ),
        (
            "request_id ini sudah dipakai izin unggah lain",
            "dipakai dengan permintaan berbeda, atau sebelum simpul dipulihkan",
            "minta lagi dengan request_id baru",
        ),
    ),
    "FED-5308": entry(
        (
            "The file grants.key cannot be used",
            "without it no upload address can be made; the node does not start",
            "remove the file and start again; addresses handed out go on working",
        ),
        (
            "Berkas grants.key tidak dapat dipakai",
            "tanpanya alamat unggah tidak dapat dibuat; simpul tidak mulai",
            "hapus berkas lalu mulai lagi; alamat yang sudah diberikan tetap berlaku",
        ),
    ),
    "FED-5310": entry(
        (
            "A setting of the upload port cannot be used",
            "the node does not start, so that bids never cross a network unprotected",
            "correct the key that the message names",
        ),
        (
            "Setelan port unggah tidak dapat dipakai",
            "simpul tidak mulai, agar penawaran tidak lewat jaringan tanpa pelindung",
            "perbaiki kunci yang disebut pesan",
        ),
    ),
    "FED-5311": entry(
        (
            "The upload port cannot be opened",
            "another program has it, or the address is not this machine's",
            "choose another upload.listen, or stop the other program",
        ),
        (
            "Port unggah tidak dapat dibuka",
            "dipakai program lain, atau alamat bukan milik mesin ini",
            "pilih upload.listen lain, atau hentikan program itu",
        ),
    ),
    "FED-5321": entry(
        (
            "Too many requests from this address",
            "the request was not carried out; what was received is kept",
            "wait as long as Retry-After says, then go on",
        ),
        (
            "Terlalu banyak permintaan dari alamat ini",
            "permintaan tidak dijalankan; yang sudah diterima tetap disimpan",
            "tunggu selama Retry-After, lalu lanjutkan",
        ),
    ),
    "FED-5322": entry(
        (
            "This address does not take that method",
            "nothing was changed",
            "use a method that Allow names",
        ),
        (
            "Alamat ini tidak menerima metode itu",
            "tidak ada yang diubah",
            "pakai metode yang disebut Allow",
        ),
    ),
    "FED-5323": entry(
        (
            "This server speaks tus 1.0.0",
            "the request names another version, or none; nothing was changed",
            "use a tus 1.0.0 upload program",
        ),
        (
            "Server ini memakai tus 1.0.0",
            "permintaan menyebut versi lain atau tanpa versi; tidak ada yang diubah",
            "pakai program unggah tus 1.0.0",
        ),
    ),
    "FED-5324": entry(
        (
            "The body has a type that this address does not take",
            "nothing was received",
            "file bytes: application/offset+octet-stream; submit: application/json",
        ),
        (
            "Isi permintaan berjenis yang tidak diterima alamat ini",
            "tidak ada yang diterima",
            "bita berkas: application/offset+octet-stream; kirim: application/json",
        ),
    ),
    "FED-5325": entry(
        (
            "The request brings more bytes than fit",
            "more came than the file was announced with, or than this address takes",
            "announce the true size, or send less",
        ),
        (
            "Permintaan membawa bita lebih dari yang muat",
            "lebih dari ukuran berkas yang diumumkan, atau dari batas alamat ini",
            "umumkan ukuran sebenarnya, atau kirim lebih sedikit",
        ),
    ),
    "FED-5326": entry(
        (
            "A header of the request is missing, doubled, or no number",
            "nothing was changed",
            "correct the upload program",
        ),
        (
            "Header permintaan kurang, ganda, atau bukan angka",
            "tidak ada yang diubah",
            "perbaiki program unggah",
        ),
    ),
    "FED-5327": entry(
        (
            "The metadata of the upload cannot be used",
            "no upload was begun",
            "send `filename` with the file's name in base 64 of UTF-8",
        ),
        (
            "Metadata unggahan tidak dapat dipakai",
            "unggahan tidak dimulai",
            "kirim `filename` berisi nama berkas dalam base 64 dari UTF-8",
        ),
    ),
    "FED-5328": entry(
        (
            "The connection ended before the last byte",
            "what came before is kept",
            "ask for the offset and go on from there; upload programs do so by themselves",
        ),
        (
            "Sambungan putus sebelum bita terakhir",
            "yang datang sebelumnya tetap disimpan",
            "tanyakan posisi lalu lanjutkan; program unggah melakukannya sendiri",
        ),
    ),
    "FED-5329": entry(
        (
            "The checksum of the request cannot be read",
            "no byte of it was kept",
            "send sha1 or sha256 in base 64",
        ),
        (
            "Checksum permintaan tidak dapat dibaca",
            "tidak ada bitanya yang disimpan",
            "kirim sha1 atau sha256 dalam base 64",
        ),
    ),
    "FED-5330": entry(
        (
            "A submit names its files in order",
            "nothing was submitted",
            'send {"files": [ids]} as application/json',
        ),
        (
            "Pengiriman menyebut berkasnya berurutan",
            "tidak ada yang dikirim",
            'kirim {"files": [id]} sebagai application/json',
        ),
    ),
    "FED-5331": entry(
        (
            "There is no such page here",
            "the address is incomplete or was typed wrongly",
            "open the address that SPSE gave",
        ),
        (
            "Halaman itu tidak ada di sini",
            "alamat tidak lengkap atau salah ketik",
            "buka alamat yang diberikan SPSE",
        ),
    ),
}
