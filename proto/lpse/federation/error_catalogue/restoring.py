"""Codes FED-2430 to FED-2449: the escrow of details, recovery codes, and what waits for details.

Keeps the order of the codes. Leaves out how a lost tail is fetched.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2430": entry(
        (
            "Sealed details cannot be opened",
            "they were sealed with another key, or are damaged; the entry itself is kept",
            "enter the recovery code of that time, or restore the vendor's own receipt",
        ),
        (
            "Rincian tersegel tidak dapat dibuka",
            "disegel dengan kunci lain, atau rusak; catatannya sendiri tetap tersimpan",
            "masukkan kode pemulihan saat itu, atau pulihkan dari tanda terima penyedia",
        ),
    ),
    "FED-2431": entry(
        (
            "This is not a recovery code",
            "a character or a group is wrong; nothing was changed",
            "compare it with the paper, group by group; the message names the group",
        ),
        (
            "Ini bukan kode pemulihan",
            "ada huruf atau kelompok yang salah; tidak ada yang diubah",
            "bandingkan dengan kertasnya per kelompok; pesannya menyebut kelompok itu",
        ),
    ),
    "FED-2432": entry(
        (
            "This receipt restores nothing here",
            "no entry of this node waits for it: it is another node's, or is complete already",
            "check the node's name on it; `receipt waiting` shows what is waited for",
        ),
        (
            "Tanda terima ini tidak memulihkan apa pun di sini",
            "tidak ada catatan simpul ini yang menunggunya: milik simpul lain, atau sudah lengkap",
            "periksa nama simpul di dalamnya; `receipt waiting` menampilkan yang ditunggu",
        ),
    ),
    "FED-2433": entry(
        (
            "The receipt's text is not here",
            "the node was restored without it; the submission itself is safe",
            "bring the vendor's own copy back: `receipt restore FILE`",
        ),
        (
            "Teks tanda terima tidak ada di sini",
            "simpul dipulihkan tanpa teks itu; dokumennya sendiri aman",
            "kembalikan salinan milik penyedia: `receipt restore FILE`",
        ),
    ),
    "FED-2434": entry(
        (
            "This recovery code is of no use here",
            "it opens nothing that waits, and is not the one of this node",
            "see `receipt waiting`; if anything waits, look for the right paper or an old backup",
        ),
        (
            "Kode pemulihan ini tidak berguna di sini",
            "tidak membuka apa pun yang menunggu, dan bukan milik simpul ini",
            "lihat `receipt waiting`; bila ada yang menunggu, cari kertas yang benar atau cadangan",
        ),
    ),
    "FED-2435": entry(
        (
            "This node has another escrow key already",
            "it is never overwritten, because sealed details would be lost",
            "start with an empty folder, or enter the code with `recovery-code enter`",
        ),
        (
            "Simpul ini sudah punya kunci titipan lain",
            "kunci tidak pernah ditimpa, karena rincian tersegel akan hilang",
            "mulai dengan folder kosong, atau masukkan kode dengan `recovery-code enter`",
        ),
    ),
    "FED-2436": entry(
        (
            "Too many former escrow keys",
            "the limit of keys that a node tries is reached",
            "remove `identity/escrow-*.key` files that open nothing any more",
        ),
        (
            "Kunci titipan lama terlalu banyak",
            "batas kunci yang dicoba simpul sudah tercapai",
            "hapus berkas `identity/escrow-*.key` yang tak lagi membuka apa pun",
        ),
    ),
    "FED-2437": entry(
        (
            "Bids may still be missing",
            "this node is getting its own entries back from the centre",
            "wait until `status` shows no recovery, or a Pokja officer opens it with a signature",
        ),
        (
            "Penawaran mungkin belum lengkap",
            "simpul ini sedang mengambil kembali catatannya dari Pusat",
            "tunggu sampai `status` tak menampilkan pemulihan, atau Pokja membuka bertanda tangan",
        ),
    ),
}
