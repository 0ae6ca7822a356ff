"""Codes FED-3001 to FED-3020: codes, keys, certificates.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-3001": entry(
        (
            "The caller showed no usable certificate",
            "this listener speaks only with enrolled machines",
            "enrol this machine with a code of the centre",
        ),
        (
            "Pemanggil tidak menunjukkan sertifikat yang sah",
            "pintu ini hanya melayani mesin yang terdaftar",
            "daftarkan mesin ini dengan kode dari Pusat",
        ),
    ),
    "FED-3002": entry(
        (
            "The enrolment code is not known",
            "it was copied wrongly, or belongs to another centre",
            "copy the whole code again, or ask for a new one",
        ),
        (
            "Kode pendaftaran tidak dikenal",
            "salah salin, atau milik Pusat lain",
            "salin lagi seluruh kode, atau minta kode baru",
        ),
    ),
    "FED-3003": entry(
        (
            "The caller does not hold the signing key",
            "the proof does not fit the key; nothing was bound",
            "repeat the enrolment on the machine that made the keys",
        ),
        (
            "Pemanggil tidak memegang kunci penanda tangan",
            "bukti tidak cocok dengan kunci; tidak ada yang diikat",
            "ulangi pendaftaran di mesin yang membuat kuncinya",
        ),
    ),
    "FED-3004": entry(
        (
            "The code or the keys are in use already",
            "another machine has enrolled with them",
            "if that was not you, tell the centre at once; else ask for a new code",
        ),
        (
            "Kode atau kunci sudah dipakai",
            "mesin lain sudah mendaftar dengannya",
            "bila bukan Anda, segera lapor ke Pusat; bila ya, minta kode baru",
        ),
    ),
    "FED-3005": entry(
        (
            "The enrolment code has expired",
            "codes live for three days",
            "ask the centre for a new code",
        ),
        (
            "Kode pendaftaran kedaluwarsa",
            "kode berlaku tiga hari",
            "minta kode baru kepada Pusat",
        ),
    ),
    "FED-3006": entry(
        (
            "The code was revoked or locked",
            "it was ended, or wrong secrets were tried too often",
            "ask the centre for a new code",
        ),
        (
            "Kode dicabut atau terkunci",
            "diakhiri, atau terlalu sering dicoba dengan rahasia yang salah",
            "minta kode baru kepada Pusat",
        ),
    ),
    "FED-3007": entry(
        (
            "The node is enrolled already",
            "a node has one set of keys",
            "revoke it first if its keys are lost or stolen",
        ),
        (
            "Simpul sudah terdaftar",
            "satu simpul memiliki satu pasang kunci",
            "cabut dulu bila kuncinya hilang atau dicuri",
        ),
    ),
    "FED-3008": entry(
        (
            "Too many failed enrolments from this address",
            "the centre protects its codes from guessing",
            "wait a few minutes, then copy the code carefully",
        ),
        (
            "Terlalu banyak pendaftaran gagal dari alamat ini",
            "Pusat melindungi kodenya dari tebakan",
            "tunggu beberapa menit, lalu salin kode dengan teliti",
        ),
    ),
    "FED-3009": entry(
        (
            "This machine has no access here",
            "its certificate is of other keys, another kind, or was revoked",
            (
                "enrol again with a new code if it should have access; if another machine took its"
                " place, `lpse-node enrol --reimport` brings what only this one holds"
            ),
        ),
        (
            "Mesin ini tidak punya akses di sini",
            "sertifikatnya dari kunci lain, jenis lain, atau dicabut",
            (
                "daftarkan lagi dengan kode baru bila memang berhak; bila mesin lain"
                " menggantikannya, `lpse-node enrol --reimport` membawa apa yang hanya ada di sini"
            ),
        ),
    ),
    "FED-3010": entry(
        (
            "Access was ended",
            "revoked keys are never accepted again",
            "ask the centre why; enrol from an empty folder with a new code",
        ),
        (
            "Akses telah diakhiri",
            "kunci yang dicabut tidak pernah diterima lagi",
            "tanyakan ke Pusat; daftarkan dari folder kosong dengan kode baru",
        ),
    ),
    "FED-3011": entry(
        (
            "A key file exists and is not overwritten",
            "an overwritten key would be lost for ever",
            "move the old file away if it is really not needed",
        ),
        (
            "Berkas kunci sudah ada dan tidak ditimpa",
            "kunci yang tertimpa hilang selamanya",
            "pindahkan berkas lama bila memang tidak diperlukan",
        ),
    ),
    "FED-3012": entry(
        (
            "A key or certificate file cannot be used",
            "it is missing, too large, or of another kind",
            "look at the named file, its owner and its rights",
        ),
        (
            "Berkas kunci atau sertifikat tidak dapat dipakai",
            "tidak ada, terlalu besar, atau jenisnya lain",
            "periksa berkas yang disebut, pemilik, dan haknya",
        ),
    ),
    "FED-3013": entry(
        (
            "The certificate request is malformed",
            "only requests for ECDSA P-256 keys are signed",
            "use the program's own enrol command",
        ),
        (
            "Permintaan sertifikat salah bentuk",
            "hanya permintaan untuk kunci ECDSA P-256 yang ditandatangani",
            "pakai perintah enrol program ini",
        ),
    ),
    "FED-3014": entry(
        (
            "This is no enrolment code",
            "a character is wrong or missing; nothing was sent",
            "copy the whole text again as it was printed",
        ),
        (
            "Ini bukan kode pendaftaran",
            "ada karakter salah atau kurang; tidak ada yang dikirim",
            "salin lagi seluruh teks seperti tercetak",
        ),
    ),
    "FED-3015": entry(
        (
            "The clock of this machine is off",
            "signatures are judged by the time they carry",
            "set the machine's clock (NTP); it is tried again by itself",
        ),
        (
            "Jam mesin ini meleset",
            "tanda tangan dinilai menurut waktunya",
            "setel jam mesin (NTP); akan dicoba lagi dengan sendirinya",
        ),
    ),
    "FED-3016": entry(
        (
            "The code is for another kind of machine",
            "codes for nodes and for persons differ",
            "use the code for this command, or the command for this code",
        ),
        (
            "Kode ini untuk jenis mesin lain",
            "kode simpul dan kode orang berbeda",
            "pakai kode untuk perintah ini, atau perintah untuk kode ini",
        ),
    ),
    "FED-3017": entry(
        (
            "This folder belongs to another centre",
            "a machine trusts one centre only",
            "enrol into an empty data folder",
        ),
        (
            "Folder ini milik Pusat lain",
            "satu mesin hanya mempercayai satu Pusat",
            "daftarkan ke folder data yang kosong",
        ),
    ),
    "FED-3018": entry(
        (
            "This machine is not enrolled",
            "it has no certificate yet",
            "enrol it with a code of the centre",
        ),
        (
            "Mesin ini belum terdaftar",
            "belum memiliki sertifikat",
            "daftarkan dengan kode dari Pusat",
        ),
    ),
    "FED-3019": entry(
        (
            "No TLS server answers at this address",
            "the centre was not reached; nothing was sent",
            "check the address and the link, then try again",
        ),
        (
            "Tidak ada server TLS menjawab di alamat ini",
            "Pusat tidak tercapai; tidak ada yang dikirim",
            "periksa alamat dan sambungan, lalu coba lagi",
        ),
    ),
    "FED-3020": entry(
        (
            "The server is not the centre that made the code",
            "nothing was sent to it",
            "check the address; if it is right, somebody is in between",
        ),
        (
            "Server ini bukan Pusat pembuat kode",
            "tidak ada yang dikirim kepadanya",
            "periksa alamat; bila benar, ada pihak di tengah",
        ),
    ),
}
