"""Codes FED-2226 to FED-2234 and FED-23nn: the node's side of the link, transfers.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2226": entry(
        (
            "The centre named a head of another epoch",
            "the session ends; nothing at the node was changed",
            "send the log to the centre if it repeats",
        ),
        (
            "Pusat menyebut kepala dari epoch lain",
            "sesi diakhiri; tidak ada yang diubah di simpul",
            "kirim log ke Pusat bila terulang",
        ),
    ),
    "FED-2227": entry(
        (
            "The centre contradicts what this node holds",
            "it was perhaps restored from an older copy; nothing is overwritten",
            "tell the centre; uploads go on meanwhile",
        ),
        (
            "Pusat bertentangan dengan yang dipegang simpul",
            "mungkin dipulihkan dari salinan lama; tidak ada yang ditimpa",
            "laporkan ke Pusat; unggahan tetap jalan",
        ),
    ),
    "FED-2228": entry(
        (
            "The centre acknowledged entries never written",
            "the session ends; nothing is counted as sent",
            "send the log of both sides to the help desk",
        ),
        (
            "Pusat mengakui entri yang tak pernah ditulis",
            "sesi diakhiri; tidak ada yang dianggap terkirim",
            "kirim log kedua sisi ke helpdesk",
        ),
    ),
    "FED-2229": entry(
        (
            "The centre said nothing within the lease",
            "the link counts as cut and is tried again; uploads go on",
            "check the line if it stays so",
        ),
        (
            "Pusat diam selama masa sewa",
            "sambungan dianggap putus dan dicoba lagi; unggahan jalan",
            "periksa jalur bila tetap",
        ),
    ),
    "FED-2232": entry(
        (
            "Releasing a quarantine needs a reason",
            "the reason is kept for everybody who checks later",
            "say why the node may be trusted again",
        ),
        (
            "Melepas karantina memerlukan alasan",
            "alasan disimpan bagi siapa pun yang memeriksa kelak",
            "sebutkan mengapa simpul dapat dipercaya lagi",
        ),
    ),
    "FED-2233": entry(
        (
            "The name of a node is malformed",
            "nothing was looked up",
            "write nodes/ and the node id",
        ),
        (
            "Nama simpul salah bentuk",
            "tidak ada yang dicari",
            "tulis nodes/ dan id simpul",
        ),
    ),
    "FED-2234": entry(
        (
            "The page token is not of this list",
            "nothing was listed",
            "begin again without a token",
        ),
        (
            "Token halaman bukan dari daftar ini",
            "tidak ada yang ditampilkan",
            "mulai lagi tanpa token",
        ),
    ),
    "FED-2301": entry(
        (
            "No entry of this node names these bytes",
            "the centre takes only what a stored entry announced",
            "nothing to do at the node; look for parked entries at the centre",
        ),
        (
            "Tidak ada entri simpul yang menyebut bita ini",
            "Pusat hanya menerima yang diumumkan entri tersimpan",
            "tak perlu apa-apa di simpul; cari entri dikesampingkan di Pusat",
        ),
    ),
    "FED-2302": entry(
        (
            "The entry is stored but not applied yet",
            "its bytes may come a moment later",
            "nothing to do: it is tried again",
        ),
        (
            "Entri tersimpan tetapi belum diterapkan",
            "bitanya boleh datang sebentar lagi",
            "tak perlu apa-apa: dicoba lagi",
        ),
    ),
    "FED-2303": entry(
        (
            "A newer transfer of the same bytes took over",
            "the older one ends; nothing is lost",
            "nothing to do",
        ),
        (
            "Pemindahan lebih baru atas bita sama mengambil alih",
            "yang lama berakhir; tidak ada yang hilang",
            "tidak perlu apa-apa",
        ),
    ),
    "FED-2304": entry(
        (
            "A transfer broke off before it began",
            "nothing was exchanged",
            "nothing to do: it is tried again",
        ),
        (
            "Pemindahan terputus sebelum dimulai",
            "tidak ada yang dipertukarkan",
            "tak perlu apa-apa: dicoba lagi",
        ),
    ),
    "FED-2305": entry(
        (
            "No published release has this bundle",
            "the node asked for something unknown",
            "compare the release list of the centre with the node's",
        ),
        (
            "Tidak ada rilis terbit dengan berkas ini",
            "simpul meminta sesuatu yang tidak dikenal",
            "bandingkan daftar rilis Pusat dengan milik simpul",
        ),
    ),
    "FED-2306": entry(
        (
            "A transfer broke off in the middle",
            "what came is kept and continued",
            "nothing to do: it is resumed",
        ),
        (
            "Pemindahan terputus di tengah",
            "yang sudah datang disimpan dan dilanjutkan",
            "tak perlu apa-apa: dilanjutkan",
        ),
    ),
    "FED-2307": entry(
        (
            "Too many transfers at one time",
            "each is asked to come back later",
            "nothing to do: it is tried again",
        ),
        (
            "Terlalu banyak pemindahan sekaligus",
            "masing-masing diminta kembali nanti",
            "tak perlu apa-apa: dicoba lagi",
        ),
    ),
    "FED-2308": entry(
        (
            "A transfer asks beyond the end",
            "offset and size do not belong together",
            "nothing to do at first; if it repeats, send the log",
        ),
        (
            "Pemindahan meminta melewati akhir",
            "offset dan ukuran tidak bersesuaian",
            "biarkan dulu; bila terulang, kirim log",
        ),
    ),
    "FED-2309": entry(
        (
            "An entry announces a blob that cannot exist",
            "its digest or size is impossible; the entry is parked and nothing is received for it",
            "look at the parked entry and ask the node",
        ),
        (
            "Sebuah entri mengumumkan berkas yang mustahil",
            "sidik digital atau ukurannya mustahil; entri disisihkan dan tidak ada yang diterima",
            "periksa entri yang disisihkan dan tanyakan kepada simpulnya",
        ),
    ),
    "FED-2311": entry(
        (
            "Stored bytes at the node are damaged",
            "they no longer have their digest and are not sent",
            "look at the node's disk; restore them from a backup",
        ),
        (
            "Bita tersimpan di simpul rusak",
            "sidik digitalnya tak cocok dan tidak dikirim",
            "periksa disk simpul; pulihkan dari cadangan",
        ),
    ),
    "FED-2312": entry(
        (
            "A bundle could not be fetched to its end",
            "what came is kept; the upgrade waits",
            "nothing to do: it is resumed when the link is back",
        ),
        (
            "Berkas rilis belum terambil seluruhnya",
            "yang sudah datang disimpan; pemutakhiran menunggu",
            "tak perlu apa-apa: dilanjutkan saat tersambung",
        ),
    ),
    "FED-2313": entry(
        (
            "The centre's answer to a transfer was not understood",
            "it may be of another version; the bytes stay queued",
            "upgrade the older side",
        ),
        (
            "Jawaban Pusat atas pemindahan tidak dipahami",
            "mungkin versinya lain; bita tetap dalam antrean",
            "mutakhirkan sisi yang lebih lama",
        ),
    ),
    "FED-2231": entry(
        (
            "Legal time cannot be stepped here",
            "only an exercise may move its clock; production never does",
            "use a node that was set up with environment = exercise",
        ),
        (
            "Waktu hukum tidak dapat digeser di sini",
            "hanya latihan yang boleh menggeser jam; produksi tidak pernah",
            "pakai simpul yang disiapkan dengan environment = exercise",
        ),
    ),
    "FED-2235": entry(
        (
            "The legal time is out of range",
            "the clock was not moved",
            "give a moment between the years of the contract",
        ),
        (
            "Waktu hukum di luar jangkauan",
            "jam tidak digeser",
            "beri waktu di antara tahun yang berlaku",
        ),
    ),
    "FED-2320": entry(
        (
            "This node has too many unfinished bytes",
            "nothing is lost; what was begun may go on, new blobs wait",
            "finish or retry begun items; lpse-node queue list",
        ),
        (
            "Simpul ini punya terlalu banyak bita belum selesai",
            "tidak ada yang hilang; yang dimulai boleh lanjut",
            "selesaikan butir yang dimulai; lpse-node queue list",
        ),
    ),
    "FED-2321": entry(
        (
            "The other side was too slow and was cut off",
            "what came is kept and resumed",
            "check the line; no person is needed otherwise",
        ),
        (
            "Pihak lain terlalu lambat dan diputus",
            "yang sudah datang disimpan dan dilanjutkan",
            "periksa jalur; selain itu tak perlu tindakan",
        ),
    ),
    "FED-2325": entry(
        (
            "The local copy of these bytes was freed",
            "they were opened and handed over; retention is over",
            "ask SPSE, or the centre for its sealed copy",
        ),
        (
            "Salinan lokal bita ini sudah dibebaskan",
            "sudah dibuka dan diserahkan; masa simpan berakhir",
            "minta ke SPSE, atau salinan tersegel di Pusat",
        ),
    ),
    "FED-2328": entry(
        (
            "The list of parked items is not a proper one",
            "nothing was recorded",
            "update this node's program",
        ),
        (
            "Daftar butir yang disisihkan tidak benar",
            "tidak ada yang dicatat",
            "perbarui program simpul ini",
        ),
    ),
}
