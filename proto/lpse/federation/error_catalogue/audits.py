"""Codes FED-7070 to FED-7099: the standing audit.

Keeps the order of the codes. Leaves out the other thousands.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-7070": entry(
        (
            "Digests of projected state cannot be compared",
            "a prefix, a listing or their number is not one of this contract; nothing was changed",
            "upgrade the older side",
        ),
        (
            "Sidik digital keadaan tidak dapat dibandingkan",
            "awalan, daftar, atau jumlahnya bukan dari kontrak ini; tidak ada yang diubah",
            "mutakhirkan pihak yang lebih lama",
        ),
    ),
    "FED-7071": entry(
        (
            "There can be no such object",
            "the area or the name that was asked for is malformed",
            "upgrade the older side",
        ),
        (
            "Objek seperti itu tidak mungkin ada",
            "bagian atau nama yang ditanyakan salah bentuk",
            "mutakhirkan pihak yang lebih lama",
        ),
    ),
    "FED-7072": entry(
        (
            "The centre has not projected that much yet",
            "the audit waits; nothing is wrong",
            "none: it is tried again",
        ),
        (
            "Pusat belum mengolah entri sejauh itu",
            "pemeriksaan menunggu; tidak ada yang salah",
            "tidak perlu: akan dicoba lagi",
        ),
    ),
    "FED-7073": entry(
        (
            "Other nodes are comparing now",
            "the centre holds a limited number of comparisons at a time",
            "none: it is tried again",
        ),
        (
            "Simpul lain sedang membandingkan",
            "Pusat hanya menjalankan beberapa perbandingan sekaligus",
            "tidak perlu: akan dicoba lagi",
        ),
    ),
    "FED-7074": entry(
        (
            "That comparison is over",
            "it was idle for too long, or the centre was restarted; nothing was changed",
            "begin another one",
        ),
        (
            "Perbandingan itu sudah berakhir",
            "terlalu lama diam, atau Pusat dimulai ulang; tidak ada yang diubah",
            "mulai perbandingan baru",
        ),
    ),
    "FED-7075": entry(
        (
            "The node's journal is being projected now",
            "its objects move faster than they can be looked at",
            "none: it is tried again",
        ),
        (
            "Jurnal simpul sedang diolah",
            "objeknya berubah lebih cepat daripada yang dapat diperiksa",
            "tidak perlu: akan dicoba lagi",
        ),
    ),
    "FED-7076": entry(
        (
            "A question of the audit is over a limit",
            "an epoch, a size or a number of things asked for is impossible; nothing was done",
            "upgrade the older side",
        ),
        (
            "Pertanyaan pemeriksaan melampaui batas",
            "epoch, ukuran, atau jumlah yang ditanyakan mustahil; tidak ada yang dilakukan",
            "mutakhirkan pihak yang lebih lama",
        ),
    ),
    "FED-7077": entry(
        (
            "Too many questions for proofs at once",
            "a proof costs a walk through a journal, so a node may ask for few per minute",
            "wait a minute",
        ),
        (
            "Terlalu banyak permintaan bukti sekaligus",
            "setiap bukti memerlukan pembacaan jurnal, jadi simpul hanya boleh meminta sedikit",
            "tunggu satu menit",
        ),
    ),
    "FED-7078": entry(
        (
            "The entries that were asked for are not here",
            "the centre does not hold that epoch or that many entries of the journal",
            "the audit writes it down; compare the heads of both sides",
        ),
        (
            "Entri yang ditanyakan tidak ada di sini",
            "Pusat tidak memiliki epoch itu atau entri sebanyak itu",
            "pemeriksaan mencatatnya; bandingkan kepala jurnal kedua pihak",
        ),
    ),
    "FED-7079": entry(
        (
            "The own journal grows faster than it can be read",
            "the audit could not look at rows and entries at the same moment",
            "none: it is tried again",
        ),
        (
            "Jurnal sendiri tumbuh lebih cepat daripada yang dapat dibaca",
            "pemeriksaan tidak dapat melihat baris dan entri pada saat yang sama",
            "tidak perlu: akan dicoba lagi",
        ),
    ),
    "FED-7080": entry(
        (
            "There is no sound session with the centre",
            "an audit compares both sides, so the link must be open and not under quarantine",
            "wait for the link (lpse-node link show), then ask again",
        ),
        (
            "Tidak ada sambungan yang sehat dengan Pusat",
            "pemeriksaan membandingkan kedua pihak, jadi tautan harus terbuka tanpa karantina",
            "tunggu tautan (lpse-node link show), lalu minta lagi",
        ),
    ),
    "FED-7081": entry(
        (
            "A journal was read again and is damaged",
            "stored bytes do not give the signed root; nothing was changed, new entries go on",
            "look at the disk; restore a backup, or have the other side give the entries back",
        ),
        (
            "Jurnal dibaca ulang dan ternyata rusak",
            "isi tersimpan tidak menghasilkan akar bertanda tangan; entri baru tetap berjalan",
            "periksa diska; pulihkan cadangan, atau ambil kembali entri dari pihak lain",
        ),
    ),
    "FED-7082": entry(
        (
            "A proof that was asked for at random was refused or wrong",
            "the other side could not show an entry that it acknowledged; it is written down",
            "look at the run's entry, then at that side's disk and journal",
        ),
        (
            "Bukti yang ditanyakan secara acak ditolak atau salah",
            "pihak lain tidak dapat menunjukkan entri yang pernah diakuinya; hal ini dicatat",
            "lihat entri rekonsiliasinya, lalu diska dan jurnal pihak itu",
        ),
    ),
}
