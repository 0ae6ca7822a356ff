"""Codes FED-2004 to FED-2212: entries, frames, hellos.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2004": entry(
        (
            "The payload of an entry is malformed",
            "it is kept as received and set aside",
            "upgrade this program; if it stays so, tell the centre",
        ),
        (
            "Isi suatu entri salah bentuk",
            "disimpan seperti diterima dan dikesampingkan",
            "mutakhirkan program ini; bila tetap, laporkan ke Pusat",
        ),
    ),
    "FED-2201": entry(
        (
            "A frame of the link cannot be read",
            "the session ends and is tried again",
            "upgrade the older side if it repeats",
        ),
        (
            "Bingkai sambungan tidak dapat dibaca",
            "sesi diakhiri dan dicoba lagi",
            "mutakhirkan sisi yang lebih lama bila terulang",
        ),
    ),
    "FED-2202": entry(
        (
            "A frame of the link is too large",
            "the session ends; nothing of it was stored",
            "upgrade the older side; the limit is part of the contract",
        ),
        (
            "Bingkai sambungan terlalu besar",
            "sesi diakhiri; tidak ada yang disimpan",
            "mutakhirkan sisi yang lebih lama; batasnya bagian dari kontrak",
        ),
    ),
    "FED-2203": entry(
        (
            "Entries came without credit",
            "the other side must wait until it is asked",
            "upgrade the node's program",
        ),
        (
            "Entri datang tanpa kredit",
            "pihak lain harus menunggu sampai diminta",
            "mutakhirkan program simpul",
        ),
    ),
    "FED-2204": entry(
        (
            "A session did not begin with a hello",
            "nothing was exchanged",
            "upgrade the node's program; check what calls this address",
        ),
        (
            "Sesi tidak dimulai dengan salam",
            "tidak ada yang dipertukarkan",
            "mutakhirkan program simpul; periksa siapa yang memanggil",
        ),
    ),
    "FED-2205": entry(
        (
            "The other side does not read",
            "what waits for it has reached the limit; it may come back",
            "check the line and the load of that machine",
        ),
        (
            "Pihak lain tidak membaca",
            "yang menunggunya mencapai batas; boleh tersambung lagi",
            "periksa jalur dan beban mesin itu",
        ),
    ),
    "FED-2206": entry(
        (
            "The hello names another node than the certificate",
            "the session is refused",
            "use each node's own identity folder",
        ),
        (
            "Salam menyebut simpul lain dari sertifikat",
            "sesi ditolak",
            "pakai folder identitas milik tiap simpul",
        ),
    ),
    "FED-2207": entry(
        (
            "An exercise and production do not connect",
            "stepped time must never count as real time",
            "set the same environment on both sides",
        ),
        (
            "Latihan dan produksi tidak saling tersambung",
            "waktu yang digeser tidak boleh dianggap waktu nyata",
            "samakan environment di kedua sisi",
        ),
    ),
    "FED-2208": entry(
        (
            "No common protocol version",
            "the two programs are too far apart; uploads go on",
            "upgrade the older side",
        ),
        (
            "Tidak ada versi protokol bersama",
            "kedua program terlalu jauh beda; unggahan tetap jalan",
            "mutakhirkan sisi yang lebih lama",
        ),
    ),
    "FED-2209": entry(
        (
            "Entries were acknowledged that were never sent",
            "the session ends; nothing was counted",
            "send the log of both sides to the help desk",
        ),
        (
            "Diakui entri yang tak pernah dikirim",
            "sesi diakhiri; tidak ada yang dihitung",
            "kirim log kedua sisi ke helpdesk",
        ),
    ),
    "FED-2210": entry(
        (
            "Too many nodes connect at once",
            "each is asked to come back at a random moment",
            "nothing to do; the node comes back by itself",
        ),
        (
            "Terlalu banyak simpul tersambung sekaligus",
            "tiap simpul diminta kembali pada saat acak",
            "tak perlu apa-apa; simpul kembali dengan sendirinya",
        ),
    ),
    "FED-2211": entry(
        (
            "No hello came in time",
            "the session ended; it is tried again",
            "check the line if it repeats",
        ),
        (
            "Salam tidak datang tepat waktu",
            "sesi diakhiri dan dicoba lagi",
            "periksa jalur bila terulang",
        ),
    ),
    "FED-2212": entry(
        (
            "The node's journal was rewound",
            "it was restored from an older copy; intake goes on, nothing is lost",
            "nothing to do; the lost entries come back from the centre",
        ),
        (
            "Jurnal simpul mundur",
            "dipulihkan dari salinan lama; penerimaan jalan, tak ada yang hilang",
            "tak perlu apa-apa; entri yang hilang kembali dari Pusat",
        ),
    ),
}
