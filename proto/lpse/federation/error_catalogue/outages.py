"""Codes FED-4116 … FED-4119, FED-4203, FED-421x and FED-43xx: declarations, files, calendars.

Keeps the order of the codes. Leaves out the other codes of packages and schedules.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-4116": entry(
        (
            "The decided ends do not fit",
            "a decision never shortens, and stages that end together stay together",
            "give ends at or after those that `package get` shows",
        ),
        (
            "Batas akhir yang diputuskan tidak sesuai",
            "keputusan tidak pernah memperpendek, dan tahap yang berakhir bersama tetap bersama",
            "berikan batas akhir yang sama atau sesudah yang ditampilkan `package get`",
        ),
    ),
    "FED-4117": entry(
        (
            "A file cannot be read",
            "nothing was done",
            "name a readable file of moderate size",
        ),
        (
            "Berkas tidak dapat dibaca",
            "tidak ada yang dilakukan",
            "sebutkan berkas yang dapat dibaca dan tidak terlalu besar",
        ),
    ),
    "FED-4118": entry(
        (
            "The package names no rule set",
            "a tender is announced under rules, and keeps them",
            "write rule_set into the package, or give --rule-set",
        ),
        (
            "Paket tidak menyebut aturan",
            "sebuah tender diumumkan dengan aturan tertentu dan tetap memakainya",
            "tulis rule_set pada paket, atau berikan --rule-set",
        ),
    ),
    "FED-4119": entry(
        (
            "The file is no list of packages",
            "nothing was imported",
            "compare it with the form that the guide shows: JSON, or CSV with a row per stage",
        ),
        (
            "Berkas bukan daftar paket",
            "tidak ada yang diimpor",
            "bandingkan dengan bentuk pada panduan: JSON, atau CSV satu baris per tahap",
        ),
    ),
    "FED-4203": entry(
        (
            "The declaration is not complete, or contradicts itself",
            "nothing was planned",
            "name scope, window, cause, attribution, title and reason as the help shows",
        ),
        (
            "Penetapan tidak lengkap atau bertentangan",
            "tidak ada yang direncanakan",
            "sebutkan lingkup, waktu, jenis, penyebab, judul dan alasan seperti pada bantuan",
        ),
    ),
    "FED-4210": entry(
        (
            "No outage of that name was declared",
            "the centre knows no such declaration",
            "`lkppctl outage list` shows the names",
        ),
        (
            "Tidak ada gangguan yang ditetapkan dengan nama itu",
            "Pusat tidak mengenal penetapan tersebut",
            "`lkppctl outage list` menampilkan nama-namanya",
        ),
    ),
    "FED-4211": entry(
        (
            "The outage cannot change like this now",
            "closed is corrected by amend, and what was withdrawn stays withdrawn",
            "`lkppctl outage get` shows where it stands",
        ),
        (
            "Gangguan tidak dapat diubah seperti ini sekarang",
            "yang sudah selesai diralat, dan yang dicabut tetap dicabut",
            "`lkppctl outage get` menampilkan keadaannya",
        ),
    ),
    "FED-4212": entry(
        (
            "The scope names a node without access, or none",
            "nothing was planned",
            "`lkppctl node list` shows the nodes with access",
        ),
        (
            "Lingkup menyebut simpul tanpa akses, atau tidak ada simpul",
            "tidak ada yang direncanakan",
            "`lkppctl node list` menampilkan simpul yang memiliki akses",
        ),
    ),
    "FED-4213": entry(
        (
            "The year has no number left for another outage",
            "nothing was planned",
            "amend or withdraw what was declared in error",
        ),
        (
            "Nomor gangguan untuk tahun itu sudah habis",
            "tidak ada yang direncanakan",
            "ralat atau cabut penetapan yang keliru",
        ),
    ),
    "FED-4301": entry(
        (
            "The calendar cannot be published",
            "its year, days or decree are missing or do not belong together",
            "correct the file or the flags and import it again",
        ),
        (
            "Kalender tidak dapat diumumkan",
            "tahun, hari atau dasar hukumnya tidak ada atau tidak sesuai",
            "perbaiki berkas atau pilihannya lalu impor lagi",
        ),
    ),
    "FED-4302": entry(
        (
            "The policy makes no sense",
            "a span in it is too long, or a word unknown; nothing was published",
            "give spans of at most a month",
        ),
        (
            "Kebijakan tidak masuk akal",
            "ada jangka waktu yang terlalu panjang atau kata yang tidak dikenal",
            "berikan jangka waktu paling lama satu bulan",
        ),
    ),
}
