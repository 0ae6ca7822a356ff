"""Codes of entries, heads, trees and notes: FED-2014 to FED-2026 and FED-21nn.

Keeps the order of the codes; `journals` takes them in. Leaves out the link and transfers.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2014": entry(
        (
            "A journal head is not acceptable",
            "it is malformed or speaks for another journal; nothing was changed",
            "keep it as evidence and ask its writer for the present head",
        ),
        (
            "Kepala jurnal tidak dapat diterima",
            "bentuknya salah atau milik jurnal lain; tidak ada yang diubah",
            "simpan sebagai bukti dan mintalah kepala terbaru dari penulisnya",
        ),
    ),
    "FED-2015": entry(
        (
            "A journal entry is not acceptable",
            "it is malformed or too large; it was not written",
            "correct the record; for a received entry, upgrade or report its writer",
        ),
        (
            "Entri jurnal tidak dapat diterima",
            "bentuknya salah atau terlalu besar; entri tidak ditulis",
            "perbaiki catatan; untuk entri kiriman, mutakhirkan atau laporkan penulisnya",
        ),
    ),
    "FED-2016": entry(
        (
            "A batch of entries is not acceptable",
            "its form or size is wrong; nothing of it was stored",
            "the sender reads its journal again and sends from the size of the receiver",
        ),
        (
            "Kumpulan entri tidak dapat diterima",
            "bentuk atau ukurannya salah; tidak ada yang disimpan",
            "pengirim membaca ulang jurnalnya dan mengirim dari ukuran penerima",
        ),
    ),
    "FED-2017": entry(
        (
            "A batch of entries leaves a gap",
            "it begins beyond what the receiver has; nothing was stored",
            "send from the size that the receiver names",
        ),
        (
            "Kumpulan entri meninggalkan celah",
            "dimulai melewati yang dimiliki penerima; tidak ada yang disimpan",
            "kirim dari ukuran yang disebut penerima",
        ),
    ),
    "FED-2018": entry(
        (
            "A journal has two histories",
            "an entry differs from the one already stored; nothing is overwritten",
            "quarantine the writer, keep both heads, and reconcile",
        ),
        (
            "Jurnal memiliki dua riwayat",
            "ada entri yang berbeda dari yang tersimpan; tidak ada yang ditimpa",
            "karantina penulisnya, simpan kedua kepala, lalu rekonsiliasi",
        ),
    ),
    "FED-2019": entry(
        (
            "The entries do not make the signed root",
            "the batch is damaged or the journal was rewritten; nothing was stored",
            "ask for a consistency proof: it tells a fork from a damaged batch",
        ),
        (
            "Entri tidak membentuk akar yang ditandatangani",
            "kumpulan rusak atau jurnal ditulis ulang; tidak ada yang disimpan",
            "minta bukti konsistensi: ia membedakan percabangan dari kerusakan",
        ),
    ),
    "FED-2024": entry(
        (
            "This journal never had that epoch",
            "the question is about another life or another party",
            "ask for the list of epochs",
        ),
        (
            "Jurnal ini tidak pernah memiliki epoch itu",
            "pertanyaan ini tentang riwayat atau pihak lain",
            "mintalah daftar epoch",
        ),
    ),
    "FED-2025": entry(
        (
            "The journal is too long for a proof",
            "proofs are made in memory and have a limit",
            "ask for a proof at a smaller size",
        ),
        (
            "Jurnal terlalu panjang untuk pembuktian",
            "bukti dibuat di memori dan ada batasnya",
            "mintalah bukti pada ukuran yang lebih kecil",
        ),
    ),
    "FED-2026": entry(
        (
            "The journal is not that long",
            "the size asked for lies in the future",
            "ask for a size up to that of the present head",
        ),
        (
            "Jurnal belum sepanjang itu",
            "ukuran yang diminta belum tercapai",
            "mintalah ukuran hingga kepala saat ini",
        ),
    ),
    "FED-2101": entry(
        (
            "A Merkle proof is wrong",
            "it does not lead to the signed root; do not trust what it should show",
            "keep both heads as evidence and ask the other side for its journal",
        ),
        (
            "Bukti Merkle salah",
            "tidak menuju akar yang ditandatangani; jangan percaya isinya",
            "simpan kedua kepala sebagai bukti dan mintalah jurnal pihak lain",
        ),
    ),
    "FED-2102": entry(
        (
            "A signed note or key is malformed",
            "it was changed on its way, or is no note at all",
            "ask for the file again; it must be passed on byte by byte",
        ),
        (
            "Catatan bertanda tangan atau kunci salah bentuk",
            "berubah di perjalanan, atau bukan catatan",
            "mintalah berkas lagi; harus diteruskan bita demi bita",
        ),
    ),
    "FED-2103": entry(
        (
            "A signature does not fit",
            "the content was not signed by this key, or was changed",
            "do not trust it; compare the key with the one that was pinned",
        ),
        (
            "Tanda tangan tidak cocok",
            "isi tidak ditandatangani kunci ini, atau telah diubah",
            "jangan percaya; bandingkan kunci dengan yang telah dicatat",
        ),
    ),
}
