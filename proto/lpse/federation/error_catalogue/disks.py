"""Codes FED-111n, FED-121n and FED-74nn: disks that fill up or fail, and what is done about it.

Keeps the order of the codes. Leaves out the database's own errors (`storage`).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-1110": entry(
        (
            "The database file is damaged",
            "nothing is accepted on it, because nobody could say what would be kept",
            "keep the folder as it is, and restore the newest backup into an empty one",
        ),
        (
            "Berkas basis data rusak",
            "tidak ada yang diterima, karena tidak pasti apa yang akan tersimpan",
            "biarkan foldernya, dan pulihkan cadangan terbaru ke folder kosong",
        ),
    ),
    "FED-1111": entry(
        (
            "The disk is full and the reserve was given up",
            "uploads are refused; receipts, openings and sending go on with the room that it gave",
            "free space on the data disk; the reserve is made again by itself",
        ),
        (
            "Cakram penuh dan cadangan ruang dilepas",
            "unggahan ditolak; tanda terima, pembukaan, dan pengiriman tetap berjalan",
            "kosongkan ruang pada cakram data; cadangan ruang dibuat lagi dengan sendirinya",
        ),
    ),
    "FED-1112": entry(
        (
            "The exercise's legal time cannot be read",
            "the program does not start, because every deadline hangs on this time",
            "restore legal-time.json, or remove it: legal time is then the machine's own",
        ),
        (
            "Waktu resmi latihan tidak dapat dibaca",
            "program tidak dimulai, karena setiap tenggat bergantung pada waktu ini",
            "pulihkan legal-time.json, atau hapus: waktu resmi lalu sama dengan waktu mesin",
        ),
    ),
    "FED-1210": entry(
        (
            "The disk cannot read bytes back",
            "one stored file is concerned; everything else works",
            "check the disk; a good copy is fetched from the other side where there is one",
        ),
        (
            "Cakram tidak dapat membaca kembali isi berkas",
            "hanya satu berkas tersimpan yang terkena; selebihnya berjalan",
            "periksa cakram; salinan yang baik diambil dari sisi lain bila ada",
        ),
    ),
    "FED-7401": entry(
        (
            "A stored file is damaged or missing",
            "the copy on this disk is set aside; a good one is asked of the other side",
            "nothing at once; look at the disk, and at doctor in an hour",
        ),
        (
            "Berkas tersimpan rusak atau hilang",
            "salinan pada cakram ini disisihkan; salinan yang baik diminta dari sisi lain",
            "belum ada; periksa cakram, dan jalankan doctor satu jam lagi",
        ),
    ),
    "FED-7402": entry(
        (
            "No good copy of a stored file was found",
            "neither side has bytes with the digest of the receipt; the receipt stays valid",
            "look for the file in a backup of this node; keep what was set aside as evidence",
        ),
        (
            "Salinan baik dari berkas tersimpan tidak ditemukan",
            "kedua sisi tidak memiliki isi sesuai sidik digital tanda terima; tanda terima sah",
            "cari berkas di cadangan simpul ini; simpan yang disisihkan sebagai bukti",
        ),
    ),
}
