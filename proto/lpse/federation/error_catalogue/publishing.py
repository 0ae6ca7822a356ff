"""Codes FED-6004 to FED-6010: publishing releases at the centre.

Keeps the order of the codes. Leaves out the others of this thousand.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-6004": entry(
        (
            "The version is published already",
            "a release never changes, and this version stands for another bundle or was withdrawn",
            "publish the new bundle under a new version",
        ),
        (
            "Versi sudah diterbitkan",
            "rilis tidak pernah berubah; versi ini milik bundel lain atau sudah ditarik",
            "terbitkan bundel baru dengan versi baru",
        ),
    ),
    "FED-6005": entry(
        (
            "There is no such release",
            "no bundle was published under this version",
            "look at `lkppctl release list`",
        ),
        (
            "Rilis itu tidak ada",
            "tidak ada bundel yang diterbitkan dengan versi ini",
            "lihat `lkppctl release list`",
        ),
    ),
    "FED-6006": entry(
        (
            "The bundle is not what was said",
            "its manifest names another version or lacks a path; nothing was published",
            "give the version and paths for which the bundle was built",
        ),
        (
            "Bundel tidak sesuai keterangan",
            "manifesnya menyebut versi lain atau tidak memuat jalur; tidak ada yang diterbitkan",
            "sebut versi dan jalur yang dimuat bundel",
        ),
    ),
    "FED-6007": entry(
        (
            "The bundle was not brought",
            "the centre has no bytes with this digest; unpublished bundles make way after a while",
            "run `lkppctl release add` with the bundle again",
        ),
        (
            "Bundel belum dikirim",
            "Pusat tidak punya isi dengan sidik ini; bundel yang tidak diterbitkan akan dihapus",
            "jalankan lagi `lkppctl release add` dengan bundelnya",
        ),
    ),
    "FED-6008": entry(
        (
            "A limit of releases is reached",
            "the notes are too long or there are too many releases; nothing was published",
            "shorten the notes",
        ),
        (
            "Batas rilis tercapai",
            "catatan terlalu panjang atau rilis terlalu banyak; tidak ada yang diterbitkan",
            "pendekkan catatan",
        ),
    ),
    "FED-6009": entry(
        (
            "A name or page token is malformed",
            "it does not look like one that the centre gives; nothing was done",
            "write releases/3.6, or begin the list anew",
        ),
        (
            "Nama atau penanda halaman salah bentuk",
            "bentuknya bukan seperti yang diberikan Pusat; tidak ada yang dilakukan",
            "tulis releases/3.6, atau mulai daftar dari awal",
        ),
    ),
    "FED-6010": entry(
        (
            "The bundle file cannot be used",
            "it cannot be read or its size is out of bounds; nothing was sent",
            "check the path, the rights and the size of the file",
        ),
        (
            "Berkas bundel tidak dapat dipakai",
            "berkas tidak terbaca atau ukurannya di luar batas; tidak ada yang dikirim",
            "periksa lokasi, hak akses, dan ukuran berkas",
        ),
    ),
}
