"""Codes FED-2213 to FED-2299: forks, sessions, the national journal, the road.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2213": entry(
        (
            "The node's journal and the centre's copy fork",
            "both are kept; the node is under quarantine, intake goes on",
            "compare both and say which history continues",
        ),
        (
            "Jurnal simpul dan salinan Pusat bercabang",
            "keduanya disimpan; simpul dikarantina, penerimaan jalan",
            "bandingkan keduanya dan tentukan yang dilanjutkan",
        ),
    ),
    "FED-2214": entry(
        (
            "Two machines may run as the same node",
            "a session token is older than it should be; intake goes on",
            "find the second machine with this identity and stop it",
        ),
        (
            "Mungkin dua mesin berjalan sebagai simpul yang sama",
            "token sesi lebih tua dari semestinya; penerimaan jalan",
            "temukan mesin kedua dengan identitas ini dan hentikan",
        ),
    ),
    "FED-2215": entry(
        (
            "The node knows another national history",
            "one side was restored wrongly; nothing is overwritten",
            "compare the national heads of both sides",
        ),
        (
            "Simpul mengenal riwayat nasional lain",
            "salah satu sisi keliru dipulihkan; tidak ada yang ditimpa",
            "bandingkan kepala nasional kedua sisi",
        ),
    ),
    "FED-2217": entry(
        (
            "A newer session of this node took over",
            "the older stream ends",
            "nothing to do; if it repeats, look for a second machine",
        ),
        (
            "Sesi lebih baru dari simpul ini mengambil alih",
            "aliran lama berakhir",
            "tak perlu apa-apa; bila terulang, cari mesin kedua",
        ),
    ),
    "FED-2218": entry(
        (
            "The node's access was revoked",
            "the link ended at once",
            "ask the centre why",
        ),
        (
            "Akses simpul dicabut",
            "sambungan berakhir seketika",
            "tanyakan alasannya kepada Pusat",
        ),
    ),
    "FED-2219": entry(
        (
            "Nothing was heard within the lease",
            "the link counts as disconnected; uploads go on at the node",
            "check line and power of the node if it stays so",
        ),
        (
            "Tidak terdengar apa pun selama masa sewa",
            "sambungan dianggap terputus; unggahan jalan di simpul",
            "periksa jalur dan listrik simpul bila tetap",
        ),
    ),
    "FED-2220": entry(
        (
            "The centre may not append nationally yet",
            "it first compares its journal with the nodes'",
            "let nodes connect, or have an operator assert completeness",
        ),
        (
            "Pusat belum boleh menambah jurnal nasional",
            "ia membandingkan jurnalnya dengan simpul lebih dulu",
            "biarkan simpul tersambung, atau operator menyatakan lengkap",
        ),
    ),
    "FED-2221": entry(
        (
            "An assertion needs a reason",
            "the reason stands in the journal for everybody",
            "say why nothing can be missing",
        ),
        (
            "Pernyataan memerlukan alasan",
            "alasan tercatat dalam jurnal bagi semua",
            "sebutkan mengapa tidak mungkin ada yang hilang",
        ),
    ),
    "FED-2222": entry(
        (
            "The centre was rewound",
            "nodes know more of the national journal than the centre",
            "restore a newer copy of the centre's database",
        ),
        (
            "Pusat mundur",
            "simpul tahu lebih banyak jurnal nasional daripada Pusat",
            "pulihkan salinan basis data Pusat yang lebih baru",
        ),
    ),
    "FED-2223": entry(
        (
            "The national journal has another size",
            "who asserted looked at an older state",
            "look at the status again before asserting",
        ),
        (
            "Ukuran jurnal nasional lain",
            "yang menyatakan melihat keadaan lama",
            "lihat status lagi sebelum menyatakan",
        ),
    ),
    "FED-2224": entry(
        (
            "The node is not under quarantine",
            "there is nothing to release",
            "look at the node's status",
        ),
        (
            "Simpul tidak dikarantina",
            "tidak ada yang dilepaskan",
            "lihat status simpul",
        ),
    ),
    "FED-2225": entry(
        (
            "The quarantine cannot simply be released",
            "the journals contradict each other",
            "restore the node so that it opens a new epoch",
        ),
        (
            "Karantina tidak dapat begitu saja dilepas",
            "kedua jurnal saling bertentangan",
            "pulihkan simpul agar membuka epoch baru",
        ),
    ),
    "FED-2230": entry(
        (
            "A pause of the link needs a reason",
            "the reason is shown to everybody who wonders",
            "say why with --reason",
        ),
        (
            "Jeda sambungan memerlukan alasan",
            "alasan ditampilkan bagi yang bertanya-tanya",
            "sebutkan alasan dengan --reason",
        ),
    ),
    "FED-2297": entry(
        (
            "A message is larger than the limit",
            "it was not sent",
            "ask for smaller pages or parts",
        ),
        (
            "Pesan melebihi batas",
            "tidak dikirim",
            "minta halaman atau bagian yang lebih kecil",
        ),
    ),
    "FED-2298": entry(
        (
            "The other side does not know this call",
            "it may be older than this program",
            "upgrade the other side",
        ),
        (
            "Pihak lain tidak mengenal panggilan ini",
            "mungkin lebih lama dari program ini",
            "mutakhirkan pihak lain",
        ),
    ),
    "FED-2299": entry(
        (
            "The other side cannot be reached",
            "the road is cut or it does not run; nothing was decided",
            "check the link; trying again is right",
        ),
        (
            "Pihak lain tidak terjangkau",
            "jalan terputus atau ia tidak berjalan; belum ada keputusan",
            "periksa sambungan; boleh dicoba lagi",
        ),
    ),
}
