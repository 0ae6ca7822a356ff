"""Rows of the table about what a restored or damaged centre gets back from its nodes.

Leaves out national entries and single blobs (`table`).
"""

from __future__ import annotations

from typing import Final

from lpse.federation.reconciliation_rules.words import Decision, Rule
from lpse.federation.v1 import records_pb2 as records

C = records.Classification
D = Decision

RETURNS: Final = (
    Rule(
        "R-BUNDLE-MISSING/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.ASK,
        "the centre was restored; release {version} is published and its bundle is not there",
        "Pusat dipulihkan; rilis {version} sudah diterbitkan tetapi bundelnya tidak ada",
    ),
    Rule(
        "R-BUNDLE-MISSING/2",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.ASK_BACK,
        "release {version} is published and its bundle is missing or damaged at the centre; nodes"
        " are asked for it, and if none has it, the same file must be added again",
        "rilis {version} sudah diterbitkan tetapi bundelnya hilang atau rusak di Pusat; simpul"
        " diminta membawanya, dan bila tiada yang memilikinya, berkas yang sama harus ditambahkan",
    ),
    Rule(
        "R-BUNDLE-RETURNED/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.GIVE_BACK,
        "a node gave back the bundle of release {version}; its bytes have the published digest",
        "simpul mengembalikan bundel rilis {version}; sidiknya sama dengan yang diterbitkan",
    ),
    Rule(
        "R-BUNDLE-WHOLE/1",
        C.CLASSIFICATION_MATCH,
        D.NOTHING,
        "the bundle of release {version} is whole at the centre again, without a node's help",
        "bundel rilis {version} utuh kembali di Pusat, tanpa bantuan simpul",
    ),
    Rule(
        "R-EPOCH-RETURNED/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.GIVE_BACK,
        "the centre was restored without {count} entries of epochs that the node has left; they"
        " were written again, each naming its first place",
        "Pusat dipulihkan tanpa {count} entri dari epoch yang sudah ditinggalkan simpul; entri itu"
        " ditulis ulang, masing-masing menyebut tempat asalnya",
    ),
)
