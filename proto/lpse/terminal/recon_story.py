"""A reconciliation run told as prose, in Indonesian or English, for both programs.

Owns the sentences; the words follow the table in domain.md (cocok, selisih, hanya di simpul, hanya
di Pusat, perlu tindak lanjut). Rule: every number in the story stands in the record. Leaves out the
record's JSON form, which is never translated.
"""

from __future__ import annotations

from datetime import UTC
from typing import Final

from lpse.federation.v1 import records_pb2 as records
from lpse.federation.v1.journal_pb2 import Head
from lpse.terminal.words import date_text, duration_text, language

C = records.Classification
T = records.ReconciliationTrigger

_TRIGGERS: Final = {
    T.RECONCILIATION_TRIGGER_RECONNECT: ("the link came back", "sambungan pulih"),
    T.RECONCILIATION_TRIGGER_SCHEDULE: ("as scheduled", "sesuai jadwal"),
    T.RECONCILIATION_TRIGGER_DEMAND: ("a person asked", "atas permintaan"),
    T.RECONCILIATION_TRIGGER_RESTORE: ("after a restore", "setelah pemulihan cadangan"),
    T.RECONCILIATION_TRIGGER_ENROLMENT: ("first contact", "kontak pertama"),
    T.RECONCILIATION_TRIGGER_SCRUB: ("stored bytes were re-read", "pemeriksaan ulang isi berkas"),
}
_CLASSES: Final = {
    C.CLASSIFICATION_MATCH: ("match", "cocok"),
    C.CLASSIFICATION_MISSING_AT_CENTRE: ("only at the node", "hanya di simpul"),
    C.CLASSIFICATION_MISSING_AT_NODE: ("only at the centre", "hanya di Pusat"),
    C.CLASSIFICATION_DIFFERENT: ("difference", "selisih"),
    C.CLASSIFICATION_DUPLICATE: ("sent twice", "terkirim dua kali"),
    C.CLASSIFICATION_LATE: ("late", "terlambat diterima"),
    C.CLASSIFICATION_FORKED: ("two histories, needs action", "dua riwayat, perlu tindak lanjut"),
    C.CLASSIFICATION_REWOUND: ("went back, needs action", "mundur, perlu tindak lanjut"),
    C.CLASSIFICATION_CORRUPT: ("damaged", "rusak"),
    C.CLASSIFICATION_UNKNOWN_KIND: ("unknown kind", "jenis belum dikenal"),
    C.CLASSIFICATION_PARKED: ("parked, needs action", "disisihkan, perlu tindak lanjut"),
}
_SENTENCES: Final = {
    "title": (
        "{run} – {trigger}, {time}",
        "{run} – {trigger}, {time}",
    ),
    "road": (
        "The link was down for {down}; {attempts} attempt(s), {wait} of waiting.",
        "Sambungan terputus selama {down}; {attempts} percobaan, menunggu {wait}.",
    ),
    "cause": ("The last failure said: {cause}.", "Kegagalan terakhir: {cause}."),
    "equal": (
        "Nothing differed: node {node}, national {national}.",
        "Tidak ada selisih: simpul {node}, nasional {national}.",
    ),
    "decision": (
        "{object}: {word} ({count}) – {outcome}. [{rule}]",
        "{object}: {word} ({count}) – {outcome}. [{rule}]",
    ),
    "moved": (
        (
            "{sent} entries went to the centre and {received} came from it, {blobs} sealed file(s)"
            " were verified; it took {duration}."
        ),
        (
            "{sent} entri terkirim ke Pusat dan {received} diterima dari Pusat, {blobs} berkas"
            " tersegel terverifikasi; selesai dalam {duration}."
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
}
NO_GOOD_COPY: Final = "no good copy found, a person must look"
_OUTCOMES: Final = {
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
}


def story(record: records.ReconciliationRecorded, zone: str) -> list[str]:
    """The run in sentences, one per line; times in `zone`."""
    legal = record.legal_time.ToDatetime(tzinfo=UTC)
    lines = [
        _say(
            "title",
            run=record.run,
            trigger=_word(_TRIGGERS.get(record.trigger, ("?", "?"))),
            time=date_text(legal, zone),
        )
    ]
    lines += _road(record)
    if record.trigger == T.RECONCILIATION_TRIGGER_SCRUB:
        return [*lines, *map(_decision, record.entries), _say(_healed(record))]
    lines += _decisions(record)
    if record.heads_equal:
        lines.append(_say("closed", **_after(record)))
    else:
        lines.append(_say("open"))
    return lines


def with_difference(record: records.ReconciliationRecorded) -> bool:
    """Whether the run found anything but agreement."""
    return any(one.classification != C.CLASSIFICATION_MATCH for one in record.entries)


def summary(record: records.ReconciliationRecorded) -> str:
    """What the run found, in a few words for one cell of a table."""
    words = [
        f"{_word(_CLASSES.get(one.classification, ('?', '?')))} {one.count}"
        for one in record.entries
        if one.classification != C.CLASSIFICATION_MATCH
    ]
    return ", ".join(words) or _word(_CLASSES[C.CLASSIFICATION_MATCH])


def _road(record: records.ReconciliationRecorded) -> list[str]:
    lines: list[str] = []
    if record.link_down_seconds >= 1 or record.attempts > 1:
        lines.append(
            _say(
                "road",
                down=duration_text(record.link_down_seconds),
                attempts=record.attempts,
                wait=duration_text(record.wait_seconds),
            )
        )
    if record.cause:
        lines.append(_say("cause", cause=record.cause.rstrip(".")))
    return lines


def _decisions(record: records.ReconciliationRecorded) -> list[str]:
    if not with_difference(record):
        return [
            _say(
                "equal",
                node=_head(record.node_head_before),
                national=_head(record.national_head_before),
            )
        ]
    lines = [_decision(one) for one in record.entries]
    lines.append(
        _say(
            "moved",
            sent=record.entries_sent,
            received=record.entries_received,
            blobs=record.blobs_verified,
            duration=duration_text(record.duration_seconds),
        )
    )
    lines.append(
        _say(
            "sets",
            both=record.both_count,
            node=record.only_node_count,
            centre=record.only_centre_count,
            different=record.different_count,
        )
    )
    return lines


def _healed(record: records.ReconciliationRecorded) -> str:
    open_entries = any(one.outcome == NO_GOOD_COPY for one in record.entries)
    return "unhealed" if open_entries else "healed"


def _decision(one: records.ReconciliationEntry) -> str:
    outcome = _OUTCOMES.get(one.outcome, one.outcome) if language() == "id" else one.outcome
    word = _word(_CLASSES.get(one.classification, ("?", "?")))
    return _say(
        "decision", object=one.object, word=word, count=one.count, outcome=outcome, rule=one.rule
    )


def _after(record: records.ReconciliationRecorded) -> dict[str, str]:
    return {
        "node": _head(record.node_head_after),
        "national": _head(record.national_head_after),
    }


def _head(head: Head) -> str:
    return f"{head.size} ({head.root.hex()[:12]}…)"


def _say(name: str, **fields: object) -> str:
    return _word(_SENTENCES[name]).format(**fields)


def _word(pair: tuple[str, str]) -> str:
    return pair[1] if language() == "id" else pair[0]
