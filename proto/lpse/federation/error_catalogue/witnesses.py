"""Codes FED-2450 to 2479: national entries given back, branches, heads found anywhere.

Keeps the order of the codes. Leaves out the other hundreds.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2450": entry(
        (
            "National entries did not begin where the centre ends",
            "another node gave some back meanwhile; nothing is lost",
            "nothing: the node asks again and goes on from the centre's size",
        ),
        (
            "Entri nasional tidak mulai di ujung jurnal Pusat",
            "simpul lain sudah mengembalikan sebagian; tidak ada yang hilang",
            "tidak ada: simpul bertanya lagi dan melanjutkan dari ukuran jurnal Pusat",
        ),
    ),
    "FED-2451": entry(
        (
            "A head of another national epoch",
            "the centre's journal never had the epoch that this head names",
            "keep the node's data; compare which centre it was enrolled at",
        ),
        (
            "Kepala jurnal dari epos nasional lain",
            "jurnal Pusat tidak pernah memiliki epos yang disebut kepala jurnal itu",
            "simpan data simpul; periksa di Pusat mana simpul itu didaftarkan",
        ),
    ),
    "FED-2452": entry(
        (
            "Two national histories",
            "the centre published after a restore, a node holds other entries; both are kept",
            "restore the same backup again and wait for the nodes before anybody asserts",
        ),
        (
            "Dua riwayat nasional",
            "Pusat menerbitkan setelah dipulihkan, simpul punya entri lain; keduanya disimpan",
            "pulihkan lagi cadangan yang sama dan tunggu simpul, jangan menyatakan lengkap dahulu",
        ),
    ),
    "FED-2453": entry(
        (
            "A part of returned entries is malformed",
            "it is empty, too large, or its head lacks the centre's signature",
            "upgrade the node; its copy stays as it is",
        ),
        (
            "Bagian entri yang dikembalikan tidak berbentuk benar",
            "kosong, terlalu besar, atau kepalanya tidak ditandatangani Pusat",
            "mutakhirkan simpul; salinannya tidak berubah",
        ),
    ),
    "FED-2454": entry(
        (
            "A branch of the national journal is too long to keep",
            "its head stays as evidence; the entries stay at the node",
            "keep a copy of the node's data folder",
        ),
        (
            "Cabang jurnal nasional terlalu panjang untuk disimpan",
            "kepalanya tetap disimpan sebagai bukti; entrinya tetap di simpul",
            "simpan salinan folder data simpul itu",
        ),
    ),
    "FED-2455": entry(
        (
            "A question about heads that cannot be answered",
            "it names too many heads, or a place in too many words",
            "ask in several questions",
        ),
        (
            "Pertanyaan tentang kepala jurnal tidak dapat dijawab",
            "terlalu banyak kepala, atau tempatnya disebut terlalu panjang",
            "ajukan dalam beberapa pertanyaan",
        ),
    ),
    "FED-2456": entry(
        (
            "Another node saw a national history that this node does not have",
            "two heads carry the centre's signature and contradict each other; both are kept",
            "tell the auditors; `lpse-node status` shows the evidence",
        ),
        (
            "Simpul lain melihat riwayat nasional yang tidak dimiliki simpul ini",
            "dua kepala jurnal bertanda tangan Pusat saling bertentangan; keduanya disimpan",
            "beri tahu auditor; `lpse-node status` menampilkan buktinya",
        ),
    ),
    "FED-2460": entry(
        (
            "No checkpoint in this file",
            "no receipt, letter, proof or page with a signed head was found in it",
            "use the file exactly as it was handed out",
        ),
        (
            "Tidak ada titik periksa dalam berkas ini",
            "tidak ditemukan tanda terima, surat, bukti atau halaman dengan kepala bertanda tangan",
            "gunakan berkas persis seperti saat diserahkan",
        ),
    ),
    "FED-2461": entry(
        (
            "Two histories",
            "two heads of one journal carry valid signatures and cannot both be true",
            "keep the files and the printed evidence; tell the auditors",
        ),
        (
            "Dua riwayat",
            "dua kepala satu jurnal bertanda tangan sah dan tidak mungkin keduanya benar",
            "simpan berkas dan bukti yang dicetak; beri tahu auditor",
        ),
    ),
    "FED-2462": entry(
        (
            "A file cannot be searched",
            "it cannot be read, or is larger than what is searched",
            "give the receipt, letter, proof or page itself",
        ),
        (
            "Berkas tidak dapat diperiksa",
            "tidak dapat dibaca, atau lebih besar daripada batas pemeriksaan",
            "berikan tanda terima, surat, bukti atau halamannya sendiri",
        ),
    ),
    "FED-2463": entry(
        (
            "A node brought other bytes than the release's bundle",
            "nothing was kept of them; another node is asked for the bundle",
            "look after that node: its disk is damaged, or it is not what it says",
        ),
        (
            "Simpul membawa byte yang bukan bundel rilis",
            "tidak ada yang disimpan; simpul lain diminta membawa bundel itu",
            "periksa simpul itu: cakramnya rusak, atau ia bukan seperti pengakuannya",
        ),
    ),
    "FED-2464": entry(
        (
            "The bundle of a published release is lost at the centre",
            "its bytes are missing or damaged; connected nodes are asked for them one by one",
            "wait; if no node has it, add the same file again with `lkppctl release add`",
        ),
        (
            "Bundel rilis yang sudah terbit hilang di Pusat",
            "byte-nya hilang atau rusak; simpul yang tersambung diminta satu per satu",
            "tunggu; bila tiada simpul memilikinya, tambahkan lagi dengan `lkppctl release add`",
        ),
    ),
    "FED-2465": entry(
        (
            "The node cannot bring the bundle",
            "it has no whole copy of it, or its link lets none through now; others are asked",
            "nothing to do",
        ),
        (
            "Simpul tidak dapat membawa bundel",
            "salinannya tidak utuh atau tidak ada, atau tautannya belum mengizinkan",
            "tidak perlu tindakan",
        ),
    ),
}
