"""Codes FED-3021 and above: addresses, requests, founding a centre.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-3021": entry(
        (
            "An address is not of the form host:port",
            "nothing was tried",
            "write it like pusat.example:7444",
        ),
        (
            "Alamat tidak berbentuk host:port",
            "tidak ada yang dicoba",
            "tulis seperti pusat.example:7444",
        ),
    ),
    "FED-3022": entry(
        (
            "The centre's answer does not fit",
            "the certificate is for other keys or of another CA; not accepted",
            "try again; if it stays so, tell the centre",
        ),
        (
            "Jawaban Pusat tidak cocok",
            "sertifikat untuk kunci lain atau dari CA lain; tidak diterima",
            "coba lagi; bila tetap, laporkan ke Pusat",
        ),
    ),
    "FED-3023": entry(
        (
            "An enrolment request is malformed",
            "a key, nonce or moment has the wrong form",
            "use the program's own enrol command, in its newest version",
        ),
        (
            "Permintaan pendaftaran salah bentuk",
            "kunci, nonce, atau waktunya tidak benar bentuknya",
            "pakai perintah enrol program ini, versi terbaru",
        ),
    ),
    "FED-3024": entry(
        (
            "This folder holds a centre already",
            "a centre is made once; nothing was changed",
            "choose an empty folder; invite persons with `lkppctl operator add`",
        ),
        (
            "Folder ini sudah berisi Pusat",
            "Pusat dibuat sekali; tidak ada yang diubah",
            "pilih folder kosong; undang orang dengan `lkppctl operator add`",
        ),
    ),
    "FED-3025": entry(
        (
            "What is to be enrolled is malformed",
            "kind, id, province, zone or role are wrong; no code was made",
            "correct what the message names",
        ),
        (
            "Yang didaftarkan salah bentuk",
            "jenis, id, provinsi, zona, atau peran salah; kode tidak dibuat",
            "perbaiki yang disebut pesan",
        ),
    ),
    "FED-3027": entry(
        (
            "The code has been used already",
            "a used code cannot be ended any more",
            "revoke the node or the person instead",
        ),
        (
            "Kode sudah dipakai",
            "kode terpakai tidak dapat diakhiri lagi",
            "cabut simpul atau orangnya",
        ),
    ),
    "FED-3028": entry(
        (
            "There is no such enrolment code",
            "the name is unknown at the centre",
            "list the codes and copy the name",
        ),
        (
            "Kode pendaftaran itu tidak ada",
            "nama itu tidak dikenal di Pusat",
            "lihat daftar kode dan salin namanya",
        ),
    ),
    "FED-3029": entry(
        (
            "This renewal was sent before",
            "each renewal counts once",
            "nothing to do: the machine sends a new one",
        ),
        (
            "Perpanjangan ini sudah pernah dikirim",
            "tiap perpanjangan berlaku sekali",
            "tak perlu apa-apa: mesin mengirim yang baru",
        ),
    ),
    "FED-3030": entry(
        (
            "No such node was ever enrolled",
            "the node id is unknown at the centre",
            "list the nodes and copy the id",
        ),
        (
            "Simpul itu tidak pernah terdaftar",
            "id simpul tidak dikenal di Pusat",
            "lihat daftar simpul dan salin id-nya",
        ),
    ),
    "FED-3031": entry(
        (
            "There are too many nodes",
            "the limit protects the centre",
            "write to the help desk; so many were not foreseen",
        ),
        (
            "Terlalu banyak simpul",
            "batas ini melindungi Pusat",
            "hubungi helpdesk; sebanyak itu tidak diperkirakan",
        ),
    ),
    "FED-3032": entry(
        (
            "A name or page of the API is malformed",
            "nothing was looked up",
            "use names and page tokens as the API gave them",
        ),
        (
            "Nama atau halaman API salah bentuk",
            "tidak ada yang dicari",
            "pakai nama dan token halaman seperti diberikan API",
        ),
    ),
    "FED-3033": entry(
        (
            "A new centre is described wrongly",
            "it needs an operator and an approver, different persons",
            "name both with --operator and --approver",
        ),
        (
            "Pusat baru diterangkan keliru",
            "perlu operator dan penyetuju, orang yang berbeda",
            "sebutkan keduanya dengan --operator dan --approver",
        ),
    ),
    "FED-3034": entry(
        (
            "These keys belong to another node",
            "one set of keys is one node, for ever",
            "enrol from an empty data folder, so that new keys are made",
        ),
        (
            "Kunci ini milik simpul lain",
            "satu pasang kunci adalah satu simpul, selamanya",
            "daftarkan dari folder data kosong, agar kunci baru dibuat",
        ),
    ),
}
