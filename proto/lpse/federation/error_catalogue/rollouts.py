"""Codes FED-62nn: rollouts.

Keeps the order of the codes. Leaves out the others of this thousand.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-6201": entry(
        (
            "This is no possible rollout",
            "a wave, share or time is out of bounds; no plan was made",
            "correct the flag that the message names and plan again",
        ),
        (
            "Peluncuran ini tidak mungkin",
            "gelombang, persentase, atau waktu di luar batas; rencana tidak dibuat",
            "perbaiki pilihan yang disebut lalu rencanakan lagi",
        ),
    ),
    "FED-6202": entry(
        (
            "A node of the plan has no access",
            "it was never enrolled or was revoked; nothing was done",
            "check the names with `lkppctl node list`",
        ),
        (
            "Ada simpul tanpa akses dalam rencana",
            "simpul itu belum terdaftar atau aksesnya dicabut; tidak ada yang dilakukan",
            "periksa nama dengan `lkppctl node list`",
        ),
    ),
    "FED-6203": entry(
        (
            "A node is in another open rollout",
            "a node follows one rollout at a time; nothing was done",
            "stop the other rollout first, or leave the node out",
        ),
        (
            "Ada simpul dalam peluncuran lain yang masih terbuka",
            "simpul mengikuti satu peluncuran saja; tidak ada yang dilakukan",
            "hentikan peluncuran lain dahulu, atau keluarkan simpulnya",
        ),
    ),
    "FED-6204": entry(
        (
            "The rollout names too many nodes",
            "it would not fit into one entry of the national journal; no plan was made",
            "split it into several rollouts of the same version",
        ),
        (
            "Peluncuran menyebut terlalu banyak simpul",
            "tidak muat dalam satu entri jurnal nasional; rencana tidak dibuat",
            "bagi menjadi beberapa peluncuran dengan versi yang sama",
        ),
    ),
    "FED-6205": entry(
        (
            "The rollout cannot do this now",
            "the step does not follow from its state; a halted rollout never goes on",
            "look at the rollout; after a halt stop it and plan a new one",
        ),
        (
            "Peluncuran tidak dapat melakukannya sekarang",
            "langkah itu tidak mengikuti keadaannya; peluncuran yang terhenti tidak berlanjut",
            "lihat peluncurannya; setelah terhenti, akhiri dan rencanakan yang baru",
        ),
    ),
    "FED-6206": entry(
        (
            "The release was withdrawn",
            "no node may begin with it; nothing was done",
            "plan a rollout of another release",
        ),
        (
            "Rilis sudah ditarik",
            "tidak ada simpul yang boleh memulainya; tidak ada yang dilakukan",
            "rencanakan peluncuran rilis lain",
        ),
    ),
    "FED-6207": entry(
        (
            "There is no such rollout",
            "no plan with this name was applied",
            "look at `lkppctl rollout list`",
        ),
        (
            "Peluncuran itu tidak ada",
            "tidak ada rencana dengan nama ini yang dijalankan",
            "lihat `lkppctl rollout list`",
        ),
    ),
    "FED-6208": entry(
        (
            "A node reports on a rollout that it is not in",
            "its entry is set aside and kept; the other entries go on",
            "find out what the node follows; replay the entry afterwards",
        ),
        (
            "Simpul melapor tentang peluncuran yang tidak diikutinya",
            "entrinya disisihkan dan disimpan; entri lain berjalan terus",
            "periksa apa yang diikuti simpul, lalu ulangi entrinya",
        ),
    ),
    "FED-6209": entry(
        (
            "Too many people are watching",
            "each watcher costs the centre work; the rollout itself goes on",
            "try again later, or look with `lkppctl rollout get`",
        ),
        (
            "Terlalu banyak yang memantau",
            "tiap pemantau membebani Pusat; peluncurannya sendiri berjalan terus",
            "coba lagi nanti, atau lihat dengan `lkppctl rollout get`",
        ),
    ),
}
