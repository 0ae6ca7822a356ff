"""The rules of reconciliation: how a finding is classified, what is decided, and why, in words.

To be read like a schedule to a regulation, from top to bottom. Each row: name and version,
classification, decision, reason in English and Indonesian. Rules of the table: what no row covers
is kept on both sides and put before a person (`DEFAULTS`); no row looks at a clock, the newer one
never wins; a row whose decision or wording changes gets a new version and the old row stays, so
that old records can still be read. Who owns which field stands in `authority`. Leaves out all
machinery.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.reconciliation_rules.notices import NOTICES
from lpse.federation.reconciliation_rules.returns import RETURNS
from lpse.federation.reconciliation_rules.words import Decision, Rule
from lpse.federation.v1 import records_pb2 as records

C = records.Classification
D = Decision

TABLE: Final = (
    # --- the node's own journal, compared at hello ---
    Rule(
        "R-REGIONAL-EQUAL/1",
        C.CLASSIFICATION_MATCH,
        D.NOTHING,
        "size and root are the same on both sides",
        "ukuran dan akar jurnal sama di kedua pihak",
    ),
    Rule(
        "R-REGIONAL-AHEAD/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.SEND,
        "the node wrote {count} entries that the centre had not stored",
        "simpul menulis {count} entri yang belum disimpan Pusat",
    ),
    Rule(
        "R-REGIONAL-FORKED/1",
        C.CLASSIFICATION_FORKED,
        D.ASK,
        "the same index has another root on each side: two histories",
        "indeks yang sama berakar lain di tiap pihak: dua riwayat",
    ),
    Rule(
        "R-CLONE-SUSPECT/1",
        C.CLASSIFICATION_FORKED,
        D.ASK,
        "an old session token was shown: a second machine may hold this identity",
        "token sesi lama ditunjukkan: mungkin ada mesin kedua dengan identitas ini",
    ),
    Rule(
        "R-HEARTBEAT-CONTRADICTED/1",
        C.CLASSIFICATION_FORKED,
        D.ASK,
        "during a session one side showed a head that contradicts what the other one holds",
        "selama sesi satu pihak menunjukkan kepala jurnal yang bertentangan dengan pihak lain",
    ),
    Rule(
        "R-NODE-REWOUND/1",
        C.CLASSIFICATION_REWOUND,
        D.ASK,
        "the centre holds entries that this node acknowledged once and lacks now",
        "Pusat menyimpan entri yang pernah ditulis simpul ini dan kini tidak dimilikinya",
    ),
    Rule(
        "R-NODE-REWOUND/2",
        C.CLASSIFICATION_REWOUND,
        D.GIVE_BACK,
        "the centre holds {count} entries that this node wrote once and lacks now",
        "Pusat menyimpan {count} entri yang pernah ditulis simpul ini dan kini tidak dimilikinya",
    ),
    Rule(
        "R-EPOCH-NEW/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.KEEP_BOTH,
        "the node began a new epoch, whose first entry names the head of the old one",
        "simpul memulai epoch baru; entri pertamanya menyebut kepala epoch lama",
    ),
    Rule(
        "R-EPOCH-OLD/1",
        C.CLASSIFICATION_FORKED,
        D.ASK,
        "the node goes on in an epoch that its journal had left: a second machine or an old copy",
        "simpul melanjutkan epoch yang sudah ditinggalkan: mesin kedua atau salinan lama",
    ),
    # --- a node that came back from a backup, or on a new machine ---
    Rule(
        "R-TAIL-RETURNED/1",
        C.CLASSIFICATION_MISSING_AT_NODE,
        D.GIVE_BACK,
        "the centre gave back {count} entries that the node had written and lost",
        "Pusat mengembalikan {count} entri yang pernah ditulis simpul lalu hilang",
    ),
    Rule(
        "R-EPOCH-CONTINUED/1",
        C.CLASSIFICATION_REWOUND,
        D.KEEP_BOTH,
        "a new epoch continues the head up to which both sides agree",
        "epoch baru melanjutkan kepala jurnal yang disepakati kedua pihak",
    ),
    Rule(
        "R-BRANCH-KEPT/1",
        C.CLASSIFICATION_FORKED,
        D.KEEP_BOTH,
        "{count} entries written beside the agreed history stay in a branch, nothing is deleted",
        "{count} entri di luar riwayat yang disepakati disimpan sebagai cabang, tidak dihapus",
    ),
    Rule(
        "R-BRANCH-REIMPORTED/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.SEND,
        "{count} entries of the branch were written again, each naming its first place",
        "{count} entri cabang ditulis ulang, masing-masing menyebut tempat asalnya",
    ),
    Rule(
        "R-BRANCH-SETTLED/1",
        C.CLASSIFICATION_FORKED,
        D.KEEP_BOTH,
        "a person decided which history goes on: {choice}",
        "seseorang memutuskan riwayat mana yang dilanjutkan: {choice}",
    ),
    Rule(
        "R-MACHINE-RECOVERED/1",
        C.CLASSIFICATION_MISSING_AT_NODE,
        D.GIVE_BACK,
        "the machine was lost; the centre gave back {count} entries to a new one with new keys",
        "mesin hilang; Pusat mengembalikan {count} entri ke mesin baru dengan kunci baru",
    ),
    Rule(
        "R-DETAILS-RETURNED/1",
        C.CLASSIFICATION_MISSING_AT_NODE,
        D.GIVE_BACK,
        "{count} submissions got their details back, opened with the node's recovery words",
        "rincian {count} pemasukan kembali, dibuka dengan kata pemulihan simpul",
    ),
    Rule(
        "R-DETAILS-SEALED/1",
        C.CLASSIFICATION_MISSING_AT_NODE,
        D.ASK,
        "{count} submissions are kept without their details until a receipt or the recovery words",
        "{count} pemasukan disimpan tanpa rincian sampai ada tanda terima atau kata pemulihan",
    ),
    # --- the national journal ---
    Rule(
        "R-NATIONAL-EQUAL/1",
        C.CLASSIFICATION_MATCH,
        D.NOTHING,
        "size and root are the same on both sides",
        "ukuran dan akar jurnal sama di kedua pihak",
    ),
    Rule(
        "R-NATIONAL-BEHIND/1",
        C.CLASSIFICATION_MISSING_AT_NODE,
        D.RECEIVE,
        "the centre published {count} entries while the node was away",
        "Pusat menerbitkan {count} entri selama simpul terputus",
    ),
    Rule(
        "R-NATIONAL-FORKED/1",
        C.CLASSIFICATION_FORKED,
        D.ASK,
        "the centre shows another history than the one that it signed for this node",
        "Pusat menunjukkan riwayat lain daripada yang pernah ditandatanganinya untuk simpul ini",
    ),
    Rule(
        "R-CENTRE-REWOUND/1",
        C.CLASSIFICATION_REWOUND,
        D.ASK,
        "the node holds national entries that the centre lacks: the centre was restored",
        "simpul memiliki entri nasional yang tidak dimiliki Pusat: Pusat dipulihkan dari cadangan",
    ),
    Rule(
        "R-CENTRE-REWOUND/2",
        C.CLASSIFICATION_REWOUND,
        D.GIVE_BACK,
        "the node holds {count} national entries that the centre lacks: the centre was restored",
        "simpul memiliki {count} entri nasional yang hilang di Pusat: Pusat dipulihkan",
    ),
    Rule(
        "R-NATIONAL-RETURNED/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.GIVE_BACK,
        "a node gave back {count} national entries that the centre had signed and lost",
        "simpul mengembalikan {count} entri nasional yang ditandatangani Pusat lalu hilang",
    ),
    Rule(
        "R-LEDGER-RETURNED/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.SEND,
        "the centre was restored; the node sends {count} entries again that were stored once",
        "Pusat dipulihkan; simpul mengirim ulang {count} entri yang pernah disimpan",
    ),
    Rule(
        "R-WITNESS-CONTRADICTED/1",
        C.CLASSIFICATION_FORKED,
        D.ASK,
        "two checkpoints with the same signature tell two different histories",
        "dua titik periksa dengan tanda tangan yang sama menceritakan dua riwayat berbeda",
    ),
    Rule(
        "R-PROTOCOL-UNKNOWN/1",
        C.CLASSIFICATION_UNKNOWN_KIND,
        D.REFUSE,
        "the two programs have no protocol in common: one of them must be upgraded",
        "kedua program tidak memiliki protokol yang sama: salah satu harus dimutakhirkan",
    ),
    # --- single entries ---
    Rule(
        "R-DIRECTIVE-LATE/1",
        C.CLASSIFICATION_LATE,
        D.APPLY_LATE,
        "{directive} was published while the node was away",
        "{directive} diterbitkan selama simpul terputus",
    ),
    Rule(
        "R-KIND-UNKNOWN/1",
        C.CLASSIFICATION_UNKNOWN_KIND,
        D.KEEP_RAW,
        "this program does not understand the entry; it is stored as it came",
        "program ini belum mengenal entri itu; entri disimpan apa adanya",
    ),
    Rule(
        "R-ENTRY-PARKED/1",
        C.CLASSIFICATION_PARKED,
        D.PARK,
        "the centre stored the entry and could not project it",
        "Pusat menyimpan entri tetapi belum dapat mengolahnya",
    ),
    Rule(
        "R-ENTRY-DUPLICATE/1",
        C.CLASSIFICATION_DUPLICATE,
        D.DROP_REPEATED,
        "{count} entries had been stored before and came again",
        "{count} entri sudah tersimpan dan datang lagi",
    ),
    # --- sealed bytes ---
    Rule(
        "R-BLOB-MISSING/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.SEND,
        "{count} sealed files had not reached the centre",
        "{count} berkas tersegel belum sampai di Pusat",
    ),
    Rule(
        "R-BLOB-NODE-MISSING/1",
        C.CLASSIFICATION_MISSING_AT_NODE,
        D.HEAL,
        "the node re-read its own copy and found it {found}",
        "simpul membaca ulang salinannya dan mendapatinya {found}",
    ),
    Rule(
        "R-BLOB-NODE-DAMAGED/1",
        C.CLASSIFICATION_CORRUPT,
        D.HEAL,
        "the node re-read its own copy and found it {found}",
        "simpul membaca ulang salinannya dan mendapatinya {found}",
    ),
    Rule(
        "R-BLOB-CENTRE-MISSING/1",
        C.CLASSIFICATION_MISSING_AT_CENTRE,
        D.HEAL,
        "the centre re-read its copy and found it {found}",
        "Pusat membaca ulang salinannya dan mendapatinya {found}",
    ),
    Rule(
        "R-BLOB-CENTRE-DAMAGED/1",
        C.CLASSIFICATION_CORRUPT,
        D.HEAL,
        "the centre re-read its copy and found it {found}",
        "Pusat membaca ulang salinannya dan mendapatinya {found}",
    ),
    # --- the standing audit ---
    Rule(
        "R-STATE-EQUAL/1",
        C.CLASSIFICATION_MATCH,
        D.NOTHING,
        "the digests of {count} objects are the same on both sides",
        "sidik digital {count} objek sama di kedua pihak",
    ),
    Rule(
        "R-STATE-CENTRE-REBUILT/1",
        C.CLASSIFICATION_DIFFERENT,
        D.REBUILD,
        "the centre's view differed from the node's journal, which decides about {field}",
        "tampilan Pusat berbeda dari jurnal simpul, yang menentukan {field}",
    ),
    Rule(
        "R-STATE-NODE-REBUILT/1",
        C.CLASSIFICATION_DIFFERENT,
        D.REBUILD,
        "the node's table differed from the journal of the side that decides about {field}",
        "tabel simpul berbeda dari jurnal pihak yang menentukan {field}",
    ),
    Rule(
        "R-STATE-DIFFERENT/1",
        C.CLASSIFICATION_DIFFERENT,
        D.ASK,
        "the two sides hold different values of {field} and no journal settles it",
        "kedua pihak memiliki nilai {field} yang berbeda dan tidak ada jurnal yang menentukan",
    ),
    Rule(
        "R-PROOF-GIVEN/1",
        C.CLASSIFICATION_MATCH,
        D.NOTHING,
        "{count} entries asked for at random were proved",
        "{count} entri yang ditanyakan secara acak terbukti ada",
    ),
    Rule(
        "R-PROOF-REFUSED/1",
        C.CLASSIFICATION_DIFFERENT,
        D.ASK,
        "an entry asked for at random was not proved: {found}",
        "entri yang ditanyakan secara acak tidak terbukti: {found}",
    ),
    Rule(
        "R-JOURNAL-VERIFIED/1",
        C.CLASSIFICATION_MATCH,
        D.NOTHING,
        "all {count} entries were read again and give the signed root",
        "seluruh {count} entri dibaca ulang dan menghasilkan akar yang ditandatangani",
    ),
    Rule(
        "R-JOURNAL-DAMAGED/1",
        C.CLASSIFICATION_CORRUPT,
        D.ASK,
        "the journal was read again and does not give the signed root: {found}",
        "jurnal dibaca ulang dan tidak menghasilkan akar yang ditandatangani: {found}",
    ),
    Rule(
        "R-JOURNAL-DAMAGED/2",
        C.CLASSIFICATION_CORRUPT,
        D.ASK_BACK,
        "the stored journal does not give the signed root: {found}; if no side holds good bytes,"
        " a backup must be restored",
        "jurnal tersimpan tidak menghasilkan akar yang ditandatangani: {found}; bila tidak ada"
        " pihak yang memiliki isi yang baik, cadangan harus dipulihkan",
    ),
    Rule(
        "R-ENTRIES-HEALED/1",
        C.CLASSIFICATION_CORRUPT,
        D.HEAL,
        "{count} damaged entries were put back from {source}; hash and path of each lead to the"
        " signed head",
        "{count} entri rusak dipulihkan dari {source}; sidik dan jalur masing-masing menuju"
        " kepala bertanda tangan",
    ),
    Rule(
        "R-JOURNAL-HEALED/1",
        C.CLASSIFICATION_CORRUPT,
        D.HEAL,
        "the journal that was damaged was read again: all {count} entries give the signed root",
        "jurnal yang tadinya rusak dibaca ulang: seluruh {count} entri menghasilkan akar yang"
        " ditandatangani",
    ),
    # --- what nodes give back to a centre that lost it ---
    *RETURNS,
    # --- what the centre makes people look at ---
    *NOTICES,
)

# What no row above covers: both sides keep what they have, and a person is asked.
DEFAULTS: Final = tuple(
    Rule(
        f"R-UNRULED-{C.Name(value).removeprefix('CLASSIFICATION_').replace('_', '-')}/1",
        value,
        D.ASK,
        "no rule covers what was found; both sides keep what they have",
        "tidak ada aturan untuk temuan ini; kedua pihak menyimpan yang dimilikinya",
    )
    for value in C.values()
    if value != C.CLASSIFICATION_UNSPECIFIED
)
