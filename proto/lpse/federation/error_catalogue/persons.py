"""Codes FED-31nn: persons and their signatures.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-3101": entry(
        (
            "A signature is not valid here",
            "it is for another act, subject, person or role; nothing was done",
            "sign again, with the right key, exactly what is shown",
        ),
        (
            "Tanda tangan tidak berlaku di sini",
            "untuk tindakan, hal, orang, atau peran lain; tidak ada yang dilakukan",
            "tanda tangani lagi, dengan kunci yang benar, persis yang ditampilkan",
        ),
    ),
    "FED-3102": entry(
        (
            "A name, role or key of a person is malformed",
            "nobody was added",
            "use a short name of a-z, 0-9 and hyphens, and a role of the list",
        ),
        (
            "Nama, peran, atau kunci seseorang tidak benar bentuknya",
            "tidak ada yang ditambahkan",
            "pakai nama pendek dari a-z, 0-9, tanda hubung, dan peran dari daftar",
        ),
    ),
    "FED-3103": entry(
        (
            "There is no such person",
            "the name is unknown here",
            "list the persons and copy the name",
        ),
        (
            "Orang itu tidak ada",
            "nama itu tidak dikenal di sini",
            "lihat daftar orang dan salin namanya",
        ),
    ),
    "FED-3104": entry(
        (
            "The role may not do this",
            "each role has its own acts, so that two persons stay two",
            "ask a person whose role it is",
        ),
        (
            "Peran ini tidak boleh melakukannya",
            "tiap peran punya tindakannya sendiri, agar dua orang tetap dua",
            "minta orang yang berperan untuk itu",
        ),
    ),
    "FED-3105": entry(
        (
            "The person was revoked",
            "acts after the revocation count for nothing",
            "ask for a new name and a new key",
        ),
        (
            "Orang ini telah dicabut",
            "tindakan setelah pencabutan tidak berlaku",
            "minta nama baru dan kunci baru",
        ),
    ),
    "FED-3106": entry(
        (
            "A signature was made at another time than now",
            "old signatures count for nothing, so that none can be kept for later",
            "check the clock of the machine that signed, and sign again",
        ),
        (
            "Tanda tangan dibuat pada waktu yang bukan sekarang",
            "tanda tangan lama tidak berlaku, agar tak disimpan untuk nanti",
            "periksa jam mesin yang menandatangani, lalu tanda tangani lagi",
        ),
    ),
    "FED-3107": entry(
        (
            "A signature was used before",
            "each signature counts once",
            "look whether the act was done already; if not, sign again",
        ),
        (
            "Tanda tangan sudah pernah dipakai",
            "tiap tanda tangan berlaku sekali",
            "periksa apakah sudah dilakukan; bila belum, tanda tangani lagi",
        ),
    ),
    "FED-3108": entry(
        (
            "The last person in a role cannot be revoked",
            "nobody could do this work afterwards",
            "add another person in this role first",
        ),
        (
            "Orang terakhir dalam suatu peran tidak dapat dicabut",
            "setelahnya tak ada yang dapat mengerjakannya",
            "tambahkan dulu orang lain dalam peran itu",
        ),
    ),
    "FED-3109": entry(
        (
            "The name stands for another person or key",
            "a name is used once, for ever",
            "choose another name",
        ),
        (
            "Nama itu milik orang atau kunci lain",
            "satu nama dipakai sekali untuk selamanya",
            "pilih nama lain",
        ),
    ),
    "FED-3110": entry(
        (
            "The first officer of a node is an admin",
            "without an admin nobody could add others",
            "add an admin first",
        ),
        (
            "Petugas pertama di simpul haruslah admin",
            "tanpa admin tak ada yang dapat menambahkan orang",
            "tambahkan admin lebih dulu",
        ),
    ),
    "FED-3111": entry(
        (
            "An admin's signature is missing",
            "only an admin changes who may act",
            "say who signs with --as NAME --key FILE",
        ),
        (
            "Tanda tangan admin tidak ada",
            "hanya admin yang mengubah siapa boleh bertindak",
            "sebutkan penanda tangan dengan --as NAMA --key BERKAS",
        ),
    ),
    "FED-3112": entry(
        (
            "There are too many persons",
            "the limit protects every list and journal",
            "write to the help desk; so many were not foreseen",
        ),
        (
            "Terlalu banyak orang",
            "batas ini melindungi semua daftar dan jurnal",
            "hubungi helpdesk; sebanyak itu tidak diperkirakan",
        ),
    ),
    "FED-3113": entry(
        (
            "A reason is missing or too long",
            "the reason stands in the journal for everybody who checks later",
            "say in a few sentences why",
        ),
        (
            "Alasan tidak ada atau terlalu panjang",
            "alasan tercatat dalam jurnal bagi siapa pun yang memeriksa kelak",
            "sebutkan alasannya dalam beberapa kalimat",
        ),
    ),
    "FED-3114": entry(
        (
            "The key belongs to another person",
            "who has one key for two names would be two persons; nobody was added",
            "let each person have a key file of their own",
        ),
        (
            "Kunci itu milik orang lain",
            "satu kunci untuk dua nama berarti satu orang menjadi dua; tidak ada yang ditambahkan",
            "buat berkas kunci tersendiri untuk setiap orang",
        ),
    ),
}
