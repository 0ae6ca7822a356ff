"""Codes FED-2240 to FED-2259: second holders of an identity, slim hellos, heads in a session.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-2240": entry(
        (
            "The node is connected already from another start",
            "it is being asked whether it is alive; uploads go on",
            "nothing to do; the node comes back by itself",
        ),
        (
            "Simpul sudah tersambung dari proses lain",
            "sedang ditanya apakah masih hidup; unggahan tetap jalan",
            "tak perlu apa-apa; simpul kembali dengan sendirinya",
        ),
    ),
    "FED-2241": entry(
        (
            "The node showed a head that contradicts the centre's copy",
            "the session ended; both histories are kept, intake goes on",
            "read the reconciliation log of the next session",
        ),
        (
            "Kepala jurnal simpul bertentangan dengan salinan Pusat",
            "sesi diakhiri; kedua riwayat disimpan, penerimaan jalan",
            "baca log rekonsiliasi sesi berikutnya",
        ),
    ),
    "FED-2242": entry(
        (
            "The short greeting could not be judged",
            "the full one was asked for and did not come",
            "nothing to do; the node says the full one next time",
        ),
        (
            "Salam singkat tidak dapat dinilai",
            "salam lengkap diminta tetapi tidak datang",
            "tak perlu apa-apa; berikutnya simpul memberi salam lengkap",
        ),
    ),
    "FED-2243": entry(
        (
            "The node goes on in an epoch that was left",
            "another machine or a newer copy has its identity; intake goes on",
            "say at the centre which history continues",
        ),
        (
            "Simpul melanjutkan epoch yang sudah ditinggalkan",
            "mesin lain atau salinan lebih baru memakai identitasnya",
            "tentukan di Pusat riwayat mana yang dilanjutkan",
        ),
    ),
    "FED-2244": entry(
        (
            "The centre showed a head that contradicts this node's copy",
            "the session ended; the copy stays as it is, intake goes on",
            "tell LKPP; read the reconciliation log of the next session",
        ),
        (
            "Kepala jurnal Pusat bertentangan dengan salinan simpul",
            "sesi diakhiri; salinan tetap utuh, penerimaan jalan",
            "beri tahu LKPP; baca log rekonsiliasi sesi berikutnya",
        ),
    ),
    "FED-2245": entry(
        (
            "The centre did not show its key",
            "nothing was told to it; uploads go on",
            "check the centre's address; tell LKPP if it repeats",
        ),
        (
            "Pusat tidak menunjukkan kuncinya",
            "tidak ada yang diberitahukan kepadanya; unggahan jalan",
            "periksa alamat Pusat; lapor LKPP bila terulang",
        ),
    ),
}
