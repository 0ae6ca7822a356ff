"""Codes FED-8nnn: terminals and configuration.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-8001": entry(
        (
            "A configuration file cannot be read",
            "the program does not start with half a configuration",
            "correct the file; the message names the place",
        ),
        (
            "Berkas konfigurasi tidak dapat dibaca",
            "program tidak berjalan dengan konfigurasi setengah",
            "perbaiki berkasnya; pesan menyebut tempatnya",
        ),
    ),
    "FED-8002": entry(
        (
            "An unknown key in the configuration",
            "a mistyped key would otherwise be ignored in silence",
            "correct the key; `config show` lists all of them",
        ),
        (
            "Kunci tak dikenal dalam konfigurasi",
            "kunci yang salah ketik akan diabaikan diam-diam",
            "perbaiki kuncinya; `config show` menampilkan semuanya",
        ),
    ),
    "FED-8003": entry(
        (
            "A value in the configuration is wrong",
            "it has the wrong kind or is out of bounds",
            "correct the value where the message says",
        ),
        (
            "Suatu nilai konfigurasi salah",
            "jenisnya salah atau di luar batas",
            "perbaiki nilai di tempat yang disebut pesan",
        ),
    ),
    "FED-8011": entry(
        (
            "The node's daemon does not answer",
            "the command reached nobody; nothing was changed",
            "start the node with `lpse-node run`, or give --data",
        ),
        (
            "Daemon simpul tidak menjawab",
            "perintah tidak sampai; tidak ada yang diubah",
            "jalankan simpul dengan `lpse-node run`, atau beri --data",
        ),
    ),
    "FED-8012": entry(
        (
            "There is no such context",
            "this machine does not know which centre is meant, and as whom",
            "`lkppctl context create` with an invitation, or `context use`",
        ),
        (
            "Konteks itu tidak ada",
            "mesin ini tidak tahu Pusat mana yang dimaksud, dan sebagai siapa",
            "`lkppctl context create` dengan undangan, atau `context use`",
        ),
    ),
    "FED-8013": entry(
        (
            "A confirmation is needed",
            "silence never means yes; nothing was done",
            "run it at a terminal, or give the flags that say yes",
        ),
        (
            "Konfirmasi diperlukan",
            "diam tidak pernah berarti ya; tidak ada yang dilakukan",
            "jalankan di terminal, atau beri flag yang menyatakan ya",
        ),
    ),
    "FED-8014": entry(
        (
            "This is not an error code of this program",
            "it may belong to a newer version",
            "copy the code again; it looks like FED-8011",
        ),
        (
            "Ini bukan kode galat program ini",
            "mungkin milik versi yang lebih baru",
            "salin lagi kodenya; bentuknya seperti FED-8011",
        ),
    ),
    "FED-8016": entry(
        (
            "A stored context cannot be read",
            "its file was changed or cut off",
            "create the context again with the same keys, or a new invitation",
        ),
        (
            "Konteks tersimpan tidak dapat dibaca",
            "berkasnya berubah atau terpotong",
            "buat konteks lagi dengan kunci yang sama, atau undangan baru",
        ),
    ),
    "FED-8017": entry(
        (
            "This is no name for a context",
            "contexts are folders; the name must be plain",
            "use a-z, 0-9, dots and hyphens",
        ),
        (
            "Ini bukan nama konteks",
            "konteks adalah folder; namanya harus sederhana",
            "pakai a-z, 0-9, titik, dan tanda hubung",
        ),
    ),
    "FED-8018": entry(
        (
            "The data folder cannot be prepared",
            "nothing was set up",
            "name another folder with --data, or run as its owner",
        ),
        (
            "Folder data tidak dapat disiapkan",
            "tidak ada yang disiapkan",
            "sebutkan folder lain dengan --data, atau jalankan sebagai pemiliknya",
        ),
    ),
    "FED-8019": entry(
        (
            "Where the centre is has not been said",
            "a node needs two values: an endpoint and a code",
            "give --endpoint host:port, or set link.endpoint",
        ),
        (
            "Letak Pusat belum disebutkan",
            "simpul memerlukan dua nilai: alamat dan kode",
            "beri --endpoint host:port, atau isi link.endpoint",
        ),
    ),
    "FED-8020": entry(
        (
            "There is no centre in this folder",
            "nothing was changed",
            "name the right folder with --data, or make a centre with init",
        ),
        (
            "Tidak ada Pusat di folder ini",
            "tidak ada yang diubah",
            "sebutkan folder yang benar dengan --data, atau buat dengan init",
        ),
    ),
    "FED-8021": entry(
        (
            "There is no node's database in this folder",
            "nothing was changed",
            "name the right folder with --data; a new node is enrolled and started first",
        ),
        (
            "Tidak ada basis data simpul di folder ini",
            "tidak ada yang diubah",
            "sebutkan folder yang benar dengan --data; simpul baru didaftarkan dan dijalankan dulu",
        ),
    ),
    "FED-8022": entry(
        (
            "This is a backup of another kind of party",
            "a node cannot become the centre, nor the centre a node; nothing was restored",
            "restore it with the other program: lkpp-central for the centre, lpse-node for a node",
        ),
        (
            "Ini cadangan milik pihak lain",
            "simpul tidak dapat menjadi Pusat, juga sebaliknya; tidak ada yang dipulihkan",
            "pulihkan dengan program lain: lkpp-central untuk Pusat, lpse-node untuk simpul",
        ),
    ),
    "FED-8023": entry(
        (
            "The output cannot be written",
            "what the command did stays done; only its answer could not be shown",
            "make room or name another place, and run it again: repeating a command is harmless",
        ),
        (
            "Keluaran tidak dapat ditulis",
            "yang sudah dilakukan tetap berlaku; hanya jawabannya tidak dapat ditampilkan",
            "kosongkan ruang atau sebut tempat lain, lalu jalankan lagi; mengulang tidak merusak",
        ),
    ),
    "FED-8024": entry(
        (
            "An internal error of this command",
            "this is our mistake, not yours; what was asked may have been done already",
            "look at it with list or get; running the same command again is harmless",
        ),
        (
            "Galat internal perintah ini",
            "ini kesalahan kami, bukan Anda; yang diminta mungkin sudah terlaksana",
            "periksa dengan list atau get; menjalankan perintah yang sama lagi tidak merusak",
        ),
    ),
    "FED-8025": entry(
        (
            "A port of this daemon cannot be opened",
            "another program has it, or the address is not this machine's; nothing was started",
            "choose another address in the configuration, or stop the other program",
        ),
        (
            "Sebuah port daemon ini tidak dapat dibuka",
            "dipakai program lain, atau alamat bukan milik mesin ini; tidak ada yang dijalankan",
            "pilih alamat lain dalam konfigurasi, atau hentikan program itu",
        ),
    ),
}
