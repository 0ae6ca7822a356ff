"""Codes FED-6nnn: releases, upgrades and rollouts.

Keeps the order of the codes. Leaves out the other thousands.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-6001": entry(
        (
            "The bundle is not allowed",
            "its manifest, archive or size breaks a rule of the format; nothing was unpacked",
            "build the bundle again by the rules of the format and publish it under a new version",
        ),
        (
            "Bundel tidak diizinkan",
            "manifes, arsip, atau ukurannya melanggar aturan format; tidak ada yang dibongkar",
            "buat ulang bundel menurut aturan format dan terbitkan dengan versi baru",
        ),
    ),
    "FED-6002": entry(
        (
            "The bundle is damaged",
            "the archive is cut short or its bytes cannot be read; nothing was unpacked",
            "copy or fetch the bundle again",
        ),
        (
            "Bundel rusak",
            "arsip terpotong atau isinya tidak terbaca; tidak ada yang dibongkar",
            "salin atau ambil ulang bundel",
        ),
    ),
    "FED-6003": entry(
        (
            "The bytes differ from their digest",
            "what arrived is not what was published; it was refused",
            "fetch the bundle again; if it happens again, report it to LKPP",
        ),
        (
            "Isi berbeda dari sidik digital",
            "yang diterima bukan yang diterbitkan; bundel ditolak",
            "ambil ulang bundel; bila terulang, laporkan kepada LKPP",
        ),
    ),
    "FED-6101": entry(
        (
            "An upgrade cannot take this step",
            "the step does not follow from the present state; nothing was changed",
            "look at the state of the upgrade and repeat what you wanted",
        ),
        (
            "Pemutakhiran tidak dapat mengambil langkah ini",
            "langkah itu tidak mengikuti keadaan sekarang; tidak ada yang berubah",
            "lihat keadaan pemutakhiran lalu ulangi",
        ),
    ),
    "FED-6102": entry(
        (
            "The upgrade moved on in the meantime",
            "another step was written first; nothing was changed by this one",
            "look at the state of the upgrade again",
        ),
        (
            "Pemutakhiran sudah melangkah",
            "langkah lain tercatat lebih dulu; langkah ini tidak mengubah apa pun",
            "lihat kembali keadaan pemutakhiran",
        ),
    ),
    "FED-6103": entry(
        (
            "A program of the release could not be started",
            "the service or a hook did not begin; the node tries again or goes back",
            "look at the logs beside the slots; check that the programs it needs are installed",
        ),
        (
            "Program rilis tidak dapat dijalankan",
            "layanan atau pengait tidak mulai; simpul mencoba lagi atau mengembalikan versi",
            "lihat berkas log di samping slot dan pastikan program yang dibutuhkan terpasang",
        ),
    ),
    "FED-6104": entry(
        (
            "A process could not be stopped",
            "it does not end even when killed, which is a fault of the machine or its disk",
            "restart the machine; the node goes on from where it was",
        ),
        (
            "Proses tidak dapat dihentikan",
            "proses tidak berakhir walau dihentikan paksa; ini gangguan mesin atau diska",
            "nyalakan ulang mesin; simpul melanjutkan dari keadaan terakhir",
        ),
    ),
    "FED-6105": entry(
        (
            "The slot of a version is missing",
            "an unpacked version was removed or the link to it was changed by hand",
            "restore the folder from a backup, or install the version again",
        ),
        (
            "Slot suatu versi tidak ada",
            "versi yang sudah dibongkar dihapus atau tautannya diubah secara manual",
            "pulihkan folder dari cadangan, atau pasang ulang versinya",
        ),
    ),
    "FED-6106": entry(
        (
            "A file of an unpacked version was changed",
            "what lies on the disk is not what was signed; it is not started by an upgrade",
            "find out who changed it; an upgrade fetches the version again",
        ),
        (
            "Berkas versi yang dibongkar berubah",
            "isi diska bukan yang ditandatangani; pemutakhiran tidak menjalankannya",
            "cari tahu siapa yang mengubahnya; pemutakhiran mengambil ulang versi itu",
        ),
    ),
    "FED-6107": entry(
        (
            "No room to unpack a version",
            "the disk has too little free space; the upgrade is held and tries again",
            "make room on the disk of the node",
        ),
        (
            "Tidak ada ruang untuk membongkar versi",
            "ruang bebas diska kurang; pemutakhiran ditahan dan dicoba lagi",
            "kosongkan ruang pada diska simpul",
        ),
    ),
    "FED-6108": entry(
        (
            "The first version could not be installed",
            "a hook of the bundle failed; no version was put in place",
            "look at hooks.log beside the slots, repair the cause and repeat the installation",
        ),
        (
            "Versi pertama tidak dapat dipasang",
            "pengait bundel gagal; tidak ada versi yang terpasang",
            "lihat hooks.log di samping slot, perbaiki sebabnya, lalu ulangi pemasangan",
        ),
    ),
    "FED-6109": entry(
        (
            "The bundle is not the release that was announced",
            "its manifest names another version or lacks the path from the present one",
            "publish the release again with the right bundle",
        ),
        (
            "Bundel bukan rilis yang diumumkan",
            "manifesnya menyebut versi lain atau tidak memuat jalur dari versi sekarang",
            "terbitkan ulang rilis dengan bundel yang benar",
        ),
    ),
}
