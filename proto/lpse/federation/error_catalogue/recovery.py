"""Codes FED-2400 to 2429: reading a journal back, branches, lost machines.

Keeps the order of the codes. Leaves out the other hundreds.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2401": entry(
        (
            "A question of a recovery is out of range",
            "a node asked for more roots, epochs or entries than there are, or than are served",
            "bring both sides to the newest version; nothing was changed",
        ),
        (
            "Pertanyaan pemulihan di luar batas",
            "simpul meminta lebih banyak akar, epos, atau entri daripada yang ada atau dilayani",
            "perbarui kedua pihak ke versi terbaru; tidak ada yang berubah",
        ),
    ),
    "FED-2402": entry(
        (
            "An epoch that the centre never saw",
            "the node asked for entries of an epoch that it never handed over",
            "nothing to do: the node keeps those entries itself",
        ),
        (
            "Epos yang tidak pernah dilihat Pusat",
            "simpul meminta entri dari epos yang tidak pernah diserahkannya",
            "tidak perlu tindakan: entri itu tetap ada di simpul",
        ),
    ),
    "FED-2403": entry(
        (
            "An offered branch does not make its head",
            "the entries that a node offered are not those that it signed",
            "check the node's journal with `lpse-node doctor`; it is offered again by itself",
        ),
        (
            "Cabang yang ditawarkan tidak cocok dengan kepalanya",
            "entri yang ditawarkan simpul bukan yang ditandatanganinya",
            "periksa jurnal simpul dengan `lpse-node doctor`; cabang ditawarkan lagi otomatis",
        ),
    ),
    "FED-2404": entry(
        (
            "Too many branches of one node",
            "the centre keeps a bounded number of branches that nobody has decided about",
            "decide about the older ones with `lkppctl recon resolve`",
        ),
        (
            "Terlalu banyak cabang dari satu simpul",
            "Pusat menyimpan cabang yang belum diputuskan dalam jumlah terbatas",
            "putuskan cabang yang lebih lama dengan `lkppctl recon resolve`",
        ),
    ),
    "FED-2405": entry(
        (
            "Too many nodes recover at once",
            "the centre reads a bounded number of journals at a time",
            "wait: the node comes back by itself",
        ),
        (
            "Terlalu banyak simpul memulihkan diri bersamaan",
            "Pusat membacakan jurnal dalam jumlah terbatas pada satu waktu",
            "tunggu: simpul mencoba lagi sendiri",
        ),
    ),
    "FED-2406": entry(
        (
            "A head that no key of this node signed",
            "the centre listed entries that this node cannot have written; none was taken",
            "if this machine replaces a lost one, enrol it with `lpse-node enrol --recover`",
        ),
        (
            "Kepala jurnal tanpa tanda tangan simpul ini",
            "Pusat menyebut entri yang tidak mungkin ditulis simpul ini; tidak ada yang diambil",
            "bila mesin ini pengganti mesin yang hilang, pakai `lpse-node enrol --recover`",
        ),
    ),
    "FED-2407": entry(
        (
            "The centre answers a recovery wrongly",
            "pieces were missing or an answer did not fit its question; nothing was taken",
            "it is tried again; report it to the centre if it goes on",
        ),
        (
            "Jawaban Pusat untuk pemulihan tidak sesuai",
            "ada potongan yang hilang atau jawaban tidak cocok; tidak ada yang diambil",
            "akan dicoba lagi; laporkan ke Pusat bila berulang",
        ),
    ),
    "FED-2408": entry(
        (
            "Returned entries do not make the signed head",
            "the centre's copy of this node's journal is damaged; nothing of it was taken",
            "the centre must check its disk and restore its newest backup",
        ),
        (
            "Entri yang dikembalikan tidak cocok dengan kepala jurnal",
            "salinan jurnal simpul ini di Pusat rusak; tidak ada yang diambil",
            "Pusat harus memeriksa disk dan memulihkan cadangan terbaru",
        ),
    ),
    "FED-2409": entry(
        (
            "No approved recovery of this node",
            "a code that replaces a lost machine needs a plan that a second person approved",
            "make a plan with `lkppctl enrol create --recover`, have it approved, then applied",
        ),
        (
            "Belum ada persetujuan pemulihan simpul ini",
            "kode pengganti mesin yang hilang memerlukan rencana yang disetujui orang kedua",
            "buat rencana dengan `lkppctl enrol create --recover`, minta persetujuan, terapkan",
        ),
    ),
    "FED-2410": entry(
        (
            "The data folder is not empty",
            "a lost machine is rebuilt in an empty folder; this one holds a journal already",
            "name an empty folder; a machine with its data needs no recovery by code",
        ),
        (
            "Folder data tidak kosong",
            "mesin pengganti dibangun di folder kosong; folder ini sudah berisi jurnal",
            "pakai folder kosong; mesin yang datanya masih ada tidak perlu kode pemulihan",
        ),
    ),
    "FED-2411": entry(
        (
            "This machine's history was not set aside",
            "only a machine against which a person decided may take a new identity with its data",
            "see `lpse-node status`; wait for the decision of the centre",
        ),
        (
            "Riwayat mesin ini belum disisihkan",
            "hanya mesin yang riwayatnya tidak dilanjutkan boleh memakai identitas baru",
            "lihat `lpse-node status`; tunggu keputusan Pusat",
        ),
    ),
}
