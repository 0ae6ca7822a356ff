"""The data of a *Berita Acara Gangguan* (record of a disturbance), as text or JSON.

Rule: letters are Indonesian whatever the terminal's language; the number, the date of the letter
and the signatures are left to the office, never invented. Leaves out layout and letterhead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from lpse.federation.compensation_words import INDONESIAN
from lpse.intake.v1 import compensations_pb2, node_pb2, outages_pb2
from lpse.intake.v1.compensations_pb2_grpc import CompensationsStub
from lpse.intake.v1.node_pb2_grpc import NodeStub
from lpse.intake.v1.outages_pb2_grpc import OutagesStub
from lpse.terminal.output import Output, show
from lpse.terminal.plain import plain
from lpse.terminal.words import date_text
from regional_node.cli import session

KINDS: Final = {
    "POWER": "daya listrik",
    "NETWORK": "jaringan",
    "APPLICATION": "aplikasi",
    "HARDWARE": "perangkat keras",
    "SECURITY": "keamanan",
    "VERSION_UPGRADE": "pemutakhiran versi",
    "FORCE_MAJEURE": "keadaan kahar",
    "OTHER": "lainnya",
}
SCOPES: Final = {
    "NATIONAL": "nasional",
    "PROVINCE": "provinsi",
    "NODES": "simpul",
    "SERVICE": "layanan",
}


async def write_report(name: str, output: Output) -> None:
    """Ask the daemon for everything that the record needs, and print it."""
    async with session.connect() as channel:
        status = await NodeStub(channel).GetNodeStatus(node_pb2.GetNodeStatusRequest())
        found = await OutagesStub(channel).GetOutage(outages_pb2.GetOutageRequest(name=name))
        affected = [plain(await _compensation(channel, code)) for code in found.outage.packages]
    document = report_document(status.node_id, plain(found.outage), affected)
    document["national_checkpoint"] = status.national_checkpoint or None
    if output is Output.TABLE:
        print("\n".join(report_lines(document)))
    else:
        show(document, (), output)


def report_document(
    node_id: str, outage: Mapping[str, Any], affected: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The record as data; `number` and `date` are typed by the office."""
    return {
        "name": outage["name"],
        "number": None,
        "date": None,
        "node_id": node_id,
        "zone": outage["zone"],
        "scope": outage["scope"],
        "cause": outage["cause"],
        "attribution": outage["attribution"],
        "planned": None,
        "start_time": outage["start_time"],
        "end_time": outage["end_time"],
        "evidence": {
            "source": outage["source"],
            "probes_failed": outage["probes_failed"],
            "probe": outage["evidence"],
            "declaration": outage["name"] if outage["source"] == "DECLARED" else None,
            "differences": outage["differences"],
        },
        "reason": outage["reason"],
        "packages": [
            {
                "package": one["package"],
                "state": one["state"],
                "zone": one["zone"],
                "stages": one["decided"] or one["adjustments"],
                "decision_reason": one["reason"],
                "decided_by": one["decided_by"],
                "decide_time": one["decide_time"],
            }
            for one in affected
        ],
        "officers": sorted({one["decided_by"] for one in affected if one["decided_by"]}),
        "attachments": [],
    }


def report_lines(document: Mapping[str, Any]) -> list[str]:
    """The record as Indonesian text."""
    zone = document["zone"]
    lines = [
        "BERITA ACARA GANGGUAN",
        "Nomor: ........................................ (diisi oleh kantor)",
        f"Simpul: {document['node_id']}",
        f"Gangguan: {document['name']}",
        f"Lingkup: {SCOPES.get(document['scope'] or '', 'simpul')}",
        f"Jenis: {KINDS.get(document['cause'] or '', 'belum dinyatakan')}",
        f"Mulai: {_both(document['start_time'], zone)}",
        f"Selesai: {_both(document['end_time'], zone)}",
        f"Alasan: {document['reason'] or '-'}",
        f"Bukti: {_evidence(document['evidence'])}",
        "Paket terdampak:",
    ]
    for package in document["packages"]:
        lines.append(f"  {package['package']} ({package['state']})")
        lines += [
            f"    {stage['stage']}: jadwal semula {_at(stage['old_end_time'], package['zone'])}"
            f" → jadwal menjadi {_at(stage['new_end_time'], package['zone'])}"
            + (f", {INDONESIAN.count(stage['days'], 0)}" if stage["days"] else "")
            for stage in package["stages"]
        ]
        if package["decided_by"]:
            lines.append(
                f"    Keputusan Pokja: {package['decision_reason']} ({package['decided_by']})"
            )
    if not document["packages"]:
        lines.append("  tidak ada")
    lines.append("Petugas yang menandatangani: ........................................")
    return lines + _checkpoint_lines(document.get("national_checkpoint"))


async def _compensation(channel: Any, code: str) -> compensations_pb2.Compensation:
    answer = await CompensationsStub(channel).GetCompensation(
        compensations_pb2.GetCompensationRequest(name=f"compensations/{code}")
    )
    found: compensations_pb2.Compensation = answer.compensation
    return found


def _checkpoint_lines(checkpoint: str | None) -> list[str]:
    """The national history that this letter was written under; anybody can compare it."""
    if not checkpoint:
        return []
    told = "Titik periksa jurnal nasional saat surat ini dibuat (lkppctl audit verify --against):"
    return ["", told, "", *(f"  {line}" for line in checkpoint.rstrip("\n").split("\n"))]


def _evidence(evidence: Mapping[str, Any]) -> str:
    if evidence["declaration"]:
        return f"penetapan {evidence['declaration']}"
    return f"{evidence['probes_failed']} pemeriksaan gagal: {evidence['probe']}"


def _both(text: str | None, zone: str) -> str:
    """Local time with zone, and UTC."""
    return f"{_at(text, zone)} ({text})" if text else "belum selesai"


def _at(text: str, zone: str) -> str:
    return date_text(datetime.fromisoformat(text), zone, lang="id")
