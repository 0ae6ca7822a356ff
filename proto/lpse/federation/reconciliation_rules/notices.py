"""Rows of the table by which the centre makes people look: recoveries, and findings it only counts.

Leaves out what was recovered, which the node tells in a run of its own (`table`).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.reconciliation_rules.words import Decision, Rule
from lpse.federation.v1 import records_pb2 as records

C = records.Classification
D = Decision

NOTICES: Final = (
    Rule(
        "R-RECOVERY-NOTICED/1",
        C.CLASSIFICATION_REWOUND,
        D.ASK_KNOWN,
        "a machine at {address} goes on with this node's journal in a new epoch, as after a restore"
        " of the node or of the centre; if nobody restored either, its keys are in other hands",
        "mesin di {address} meneruskan jurnal simpul ini dalam epoch baru, seperti setelah simpul"
        " atau Pusat dipulihkan; bila keduanya tidak dipulihkan, kuncinya berada di tangan lain",
    ),
    Rule(
        "R-JOURNAL-READ-BACK/1",
        C.CLASSIFICATION_REWOUND,
        D.GIVE_BACK,
        "a machine at {address} with this node's keys read its journal back; sealed details open"
        " with the key that its backups hold, so nobody but the node may have them",
        "mesin di {address} dengan kunci simpul ini membaca kembali jurnalnya; rincian tersegel"
        " terbuka dengan kunci dalam cadangannya, jadi hanya simpul yang boleh memilikinya",
    ),
    Rule(
        "R-FINDINGS-LIMITED/1",
        C.CLASSIFICATION_PARKED,
        D.COUNT,
        "run number {count} of this day about this node: further ones are counted, and the count"
        " is written when the day is over",
        "catatan ke-{count} tentang simpul ini pada hari ini: yang berikutnya dihitung saja, dan"
        " jumlahnya ditulis setelah hari berganti",
    ),
    Rule(
        "R-FINDINGS-COUNTED/1",
        C.CLASSIFICATION_PARKED,
        D.COUNT,
        "{count} further findings of {day} were counted and not written one by one: {rules}",
        "{count} temuan lain pada {day} dihitung dan tidak ditulis satu per satu: {rules}",
    ),
)
