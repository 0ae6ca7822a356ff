"""The words of reconciliation in Indonesian and English, as tables and as sentences.

Owns what triggers, classifications, outcomes and sentences are called (domain.md: cocok, selisih,
hanya di simpul, hanya di Pusat, perlu tindak lanjut). Rules: a word of a newer program is shown as
it is; both languages fill the same fields. Leaves out which sentence a run needs (`recon_story`).
"""

from __future__ import annotations

import re
from typing import Final

from lpse.federation.recon_log import word_of
from lpse.federation.reconciliation_rules import Decision
from lpse.federation.v1 import records_pb2 as records
from lpse.terminal.words import language

C = records.Classification
T = records.ReconciliationTrigger

TRIGGERS: Final[dict[int, tuple[str, str]]] = {
    T.RECONCILIATION_TRIGGER_RECONNECT: ("the link came back", "sambungan pulih"),
    T.RECONCILIATION_TRIGGER_SCHEDULE: ("as scheduled", "sesuai jadwal"),
    T.RECONCILIATION_TRIGGER_DEMAND: ("a person asked", "atas permintaan"),
    T.RECONCILIATION_TRIGGER_RESTORE: ("after a restore", "setelah pemulihan cadangan"),
    T.RECONCILIATION_TRIGGER_ENROLMENT: ("first contact", "kontak pertama"),
    T.RECONCILIATION_TRIGGER_SCRUB: ("stored bytes were re-read", "pemeriksaan ulang isi berkas"),
}
CLASSES: Final[dict[int, tuple[str, str]]] = {
    C.CLASSIFICATION_MATCH: ("match", "cocok"),
    C.CLASSIFICATION_MISSING_AT_CENTRE: ("only at the node", "hanya di simpul"),
    C.CLASSIFICATION_MISSING_AT_NODE: ("only at the centre", "hanya di Pusat"),
    C.CLASSIFICATION_DIFFERENT: ("difference", "selisih"),
    C.CLASSIFICATION_DUPLICATE: ("sent twice", "terkirim dua kali"),
    C.CLASSIFICATION_LATE: ("late", "terlambat diterima"),
    C.CLASSIFICATION_FORKED: ("two histories", "dua riwayat"),
    C.CLASSIFICATION_REWOUND: ("went back", "mundur"),
    C.CLASSIFICATION_CORRUPT: ("damaged", "rusak"),
    C.CLASSIFICATION_UNKNOWN_KIND: ("unknown kind", "jenis belum dikenal"),
    C.CLASSIFICATION_PARKED: ("parked", "disisihkan"),
}
NO_GOOD_COPY: Final = "no good copy found, a person must look"
STATES: Final = {
    "EQUAL": ("equal", "cocok"),
    "OPEN": ("unfinished", "belum selesai"),
    "NEEDS_PERSON": ("needs a person", "perlu tindak lanjut"),
    "RESOLVED": ("resolved", "selesai"),
}
FACETS: Final = {
    "classification": ("found", "temuan"),
    "state": ("state", "keadaan"),
    "trigger": ("trigger", "pemicu"),
    "province": ("province", "provinsi"),
    "rule": ("rule", "aturan"),
    "node": ("node", "simpul"),
}
OUTCOMES: Final = {
    "sent": "terkirim",
    "received": "diterima",
    "not finished": "belum selesai",
    "none needed": "tidak perlu tindakan",
    "quarantined": "dikarantina",
    "kept both": "keduanya disimpan",
    "parked": "disisihkan",
    "fetched from the centre, digest re-read from disk": "diambil dari Pusat dan diperiksa ulang",
    "whole again, digest re-read from disk": "utuh kembali dan diperiksa ulang",
    "sent again, digest re-read from disk": "dikirim lagi dan diperiksa ulang",
    NO_GOOD_COPY: "tidak ada salinan baik, perlu tindak lanjut",
    "applied retroactively": "diterapkan surut",
    "kept the node's copy, accepted nothing": "salinan simpul dipertahankan",
    "kept, applied after the next upgrade": "disimpan, diterapkan setelah pemutakhiran",
    "dropped by their hash": "dikenali dan diabaikan",
    "sent, digest re-read from disk": "terkirim, sidik digital dibaca ulang",
    "kept the centre's copy, the node's entries wait": (
        "salinan Pusat dipertahankan, entri simpul menunggu"
    ),
    "published nothing, kept what the node showed as evidence": (
        "tidak menerbitkan apa pun, yang ditunjukkan simpul disimpan sebagai bukti"
    ),
    "refused with FED-2208; the node's intake goes on": (
        "ditolak dengan FED-2208; penerimaan di simpul tetap berjalan"
    ),
    "ended the session, kept both; a person must look": (
        "sesi diakhiri, keduanya disimpan; perlu diperiksa seseorang"
    ),
} | {one.english: one.indonesian for one in Decision}

SENTENCES: Final = {
    "title": (
        "{run} – {trigger}, {time}",
        "{run} – {trigger}, {time}",
    ),
    "road": (
        "The link was away for {down}; {attempts} attempt(s), {wait} of waiting between them.",
        "Sambungan terputus selama {down}; {attempts} percobaan, menunggu {wait} di antaranya.",
    ),
    "cause": (
        "Why, as the last failure said: {cause}.",
        "Sebabnya, kata kegagalan terakhir: {cause}.",
    ),
    "known_node": (
        "Of the node's journal, the node showed {node} and the centre held {centre}.",
        "Dari jurnal simpul, simpul menunjukkan {node} dan Pusat memegang {centre}.",
    ),
    "known_national": (
        "Of the national journal, the node held {node} and the centre showed {centre}.",
        "Dari jurnal nasional, simpul memegang {node} dan Pusat menunjukkan {centre}.",
    ),
    "compared": (
        "Both journals were compared by size and root of their hash trees (protocol {protocol}).",
        "Kedua jurnal dibandingkan menurut ukuran dan akar pohon sidiknya (protokol {protocol}).",
    ),
    "equal": (
        "Nothing differed, and these heads prove it: node {node}, national {national}.",
        "Tidak ada selisih; buktinya kepala jurnal ini: simpul {node}, nasional {national}.",
    ),
    "decision": (
        "{object}: {word} ({count}) – {outcome}. [{rule}]",
        "{object}: {word} ({count}) – {outcome}. [{rule}]",
    ),
    "reason": ("    Because {reason}.", "    Sebab {reason}."),
    "moved": (
        (
            "{sent} entries went to the centre and {received} came from it, {blobs} sealed file(s)"
            " were verified, {size} in all; it took {duration}."
        ),
        (
            "{sent} entri terkirim ke Pusat dan {received} diterima dari Pusat, {blobs} berkas"
            " tersegel terverifikasi, seluruhnya {size}; selesai dalam {duration}."
        ),
    ),
    "sets": (
        (
            "In entries: both {both}, only at the node {node}, only at the centre {centre},"
            " different {different}."
        ),
        (
            "Dalam entri: di keduanya {both}, hanya di simpul {node}, hanya di Pusat {centre},"
            " selisih {different}."
        ),
    ),
    "person": (
        "A person must decide about entry {numbers}: see recon get {run} --entry {first}.",
        "Perlu keputusan seseorang atas entri {numbers}: lihat recon get {run} --entry {first}.",
    ),
    "answered": (
        "Entry {number} waited for a decision and is closed by now: {by}.",
        "Entri {number} menunggu keputusan dan kini sudah selesai: {by}.",
    ),
    "nobody": (
        "Nothing waits for a person.",
        "Tidak ada yang menunggu keputusan seseorang.",
    ),
    "closed": (
        "At the end both sides held the same heads: node {node}, national {national}.",
        (
            "Pada akhirnya kedua pihak memegang kepala jurnal yang sama: simpul {node},"
            " nasional {national}."
        ),
    ),
    "healed": (
        "Every copy named here is whole again; nothing is left to do.",
        "Semua salinan yang disebut di sini utuh kembali; tidak perlu tindak lanjut.",
    ),
    "unhealed": (
        "At least one file has no good copy; `doctor` says what a person must do.",
        "Sedikitnya satu berkas tidak punya salinan baik; `doctor` memberi tahu langkahnya.",
    ),
    "open": (
        "The heads were not equal at the end; a later run goes on from there.",
        "Kepala jurnal belum sama pada akhirnya; rekonsiliasi berikutnya melanjutkan.",
    ),
    "nothing_held": ("nothing", "belum ada"),
}

_ONE: Final = re.compile(r"(?<![\d.,])1 ((?:national )?)entries\b")
_SINGULAR: Final = {"were": "was", "stay": "stays"}
_VERB: Final = re.compile(r"(\b1 (?:national )?entry [^,;:]*?\b)(were|stay)\b")


def word(pair: tuple[str, str]) -> str:
    """The form in the language in use; pairs are English, Indonesian."""
    return pair[1] if language() == "id" else pair[0]


def sentence(name: str, **fields: object) -> str:
    """One sentence with its fields."""
    return counted(word(SENTENCES[name]).format(**fields))


def counted(text: str) -> str:
    """Recorded words say "1 entries": one is told as one. Indonesian has no other form."""
    if language() == "id" or not _ONE.search(text):
        return text
    told = _ONE.sub(r"1 \g<1>entry", text)
    return _VERB.sub(lambda found: found[1] + _SINGULAR[found[2]], told, count=1)


def trigger_word(trigger: int) -> str:
    """What started a run."""
    return _word_of(TRIGGERS, T, trigger)


def class_word(classification: int) -> str:
    """What was found."""
    return _word_of(CLASSES, C, classification)


def state_word(state: str) -> str:
    """What is left to do; `state` as in JSON."""
    return word(STATES[state]) if state in STATES else state


def facet_word(facet: str) -> str:
    """What is counted."""
    return word(FACETS[facet]) if facet in FACETS else facet


def value_word(facet: str, value: str) -> str:
    """A value of a facet; what has no word of its own stays as the filter takes it."""
    match facet:
        case "classification" if f"CLASSIFICATION_{value}" in C.DESCRIPTOR.values_by_name:
            return f"{class_word(C.Value(f'CLASSIFICATION_{value}'))} · {value}"
        case "trigger" if f"RECONCILIATION_TRIGGER_{value}" in T.DESCRIPTOR.values_by_name:
            return f"{trigger_word(T.Value(f'RECONCILIATION_TRIGGER_{value}'))} · {value}"
        case "state":
            return f"{state_word(value)} · {value}"
        case _:
            return value


def outcome_word(outcome: str) -> str:
    """What became of it; words of a person or a newer program stay as they are."""
    return OUTCOMES.get(outcome, outcome) if language() == "id" else outcome


def _word_of(table: dict[int, tuple[str, str]], enum: object, number: int) -> str:
    return word(table[number]) if number in table else word_of(enum, number)
