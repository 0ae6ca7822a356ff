"""Looking at this machine for the doctor: files, disk, daemon, ports, the stored journal.

Owns every look that `lpse-node doctor` takes. Rules: it changes nothing and may run beside the
daemon, which it reads over a read-only connection; whatever cannot be seen is told as not seen,
never as an error of the doctor. Leaves out conclusions (`findings`).
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import grpc
import httpx

from lpse.federation.errors import FederationError
from lpse.federation.notes import Verifier
from lpse.intake.v1 import node_pb2 as api
from lpse.intake.v1 import submissions_pb2 as intake
from lpse.intake.v1.node_pb2_grpc import NodeStub
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime import tls
from lpse.runtime.clock import SystemClock
from lpse.runtime.sqlite import LiveDatabase
from lpse.storage import aside
from lpse.storage.backup import is_restored
from lpse.storage.ballast import ballast_bytes
from lpse.storage.disk_record import read_record
from lpse.storage.journal_check import check_journal_in
from lpse.storage.scrub_store import Place, place_in, totals_in
from lpse.storage.scrub_store import Totals as Damaged
from lpse.terminal.plain import plain
from regional_node import identity
from regional_node.cli import receipt_waiting, session
from regional_node.cli.disk_findings import Stored
from regional_node.cli.findings import Clock, Facts, Running
from regional_node.config import NodeSettings

_CONGESTION: Final = Path("/proc/sys/net/ipv4/tcp_congestion_control")
_REACH_SECONDS: Final = 3.0
_OTHERS: Final = 0o077


async def examine(settings: NodeSettings) -> Facts:
    """Everything the doctor wants to know, as of now."""
    data = settings.data
    now = SystemClock().wall()
    me = _identity(data)
    disk = shutil.disk_usage(
        next(path for path in (data, *data.absolute().parents) if path.exists())
    )
    entries, problem = await _journal(data, me)
    service = f"127.0.0.1:{settings.service.port}"
    roads = {settings.link.endpoint, settings.link.nodes or (me.endpoint if me else "")} - {""}
    return Facts(
        node_id=me.node_id if me else "",
        certificate=_certificate(data),
        loose_files=_loose(data),
        free_bytes=disk.free,
        total_bytes=disk.total,
        congestion=_read(_CONGESTION),
        restored=is_restored(data),
        exercise=settings.environment == "exercise",
        now=now,
        running=await _running(now),
        journal_entries=entries,
        journal_problem=problem,
        ready=await _ready(settings.http.listen),
        service_port=settings.service.port,
        service_answers=await _reachable(service),
        roads=tuple([(road, await _reachable(road)) for road in sorted(roads)]),
        stored=await _stored(settings),
    )


async def _stored(settings: NodeSettings) -> Stored:
    """What the data folder says of itself; tables that are not there yet count as nothing."""
    data, record = settings.data, read_record(settings.data)
    place, damaged = Place(0, None, None, b"", 0, 0, 0), Damaged(0, 0, 0)
    if (data / "node.db").exists():
        with suppress(FederationError):
            place, damaged = await LiveDatabase(data / "node.db").read(
                lambda tx: (place_in(tx), totals_in(tx))
            )
    aside_found = aside.totals(data / "blobs")
    return Stored(
        ballast_bytes=ballast_bytes(data),
        ballast_wanted_bytes=settings.disk.ballast_bytes,
        failure=record.failure,
        failure_time=record.failure_time,
        verified_time=record.verified_time,
        scrub_pass=place.number,
        scrub_day=f"{place.end_time:%Y-%m-%d}" if place.end_time else "",
        scrub_blobs=place.blobs,
        damaged_open=damaged.open,
        damaged_person=damaged.person,
        aside_files=aside_found.unvouched + aside_found.damaged,
        aside_bytes=aside_found.size_bytes,
    )


def _identity(data: Path) -> identity.Identity | None:
    with suppress(FederationError):
        return identity.load(data / "identity")
    return None


def _certificate(data: Path) -> tuple[datetime, datetime] | None:
    with suppress(FederationError):
        found = tls.load_certificate(data / "identity" / tls.TLS_CERTIFICATE)
        return found.not_valid_before_utc, found.not_valid_after_utc
    return None


def _loose(data: Path) -> tuple[str, ...]:
    """Private files and folders that group or others may touch."""
    private = [data, data / "identity", *(data / "identity").glob("*.key"), *data.glob("node.db*")]
    with suppress(OSError):
        return tuple(
            path.relative_to(data).as_posix() if path != data else f"{data.as_posix()}/"
            for path in sorted(private)
            if path.stat().st_mode & _OTHERS
        )
    return ()


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""


async def _journal(data: Path, me: identity.Identity | None) -> tuple[int, str]:
    """Entries of all epochs and what is wrong with them; a node that never ran has none."""
    path = data / "node.db"
    if me is None or not path.exists():
        return 0, ""
    verifier = Verifier(me.node_id, me.signing_key)
    try:
        heads = await LiveDatabase(path).read(lambda tx: check_journal_in(tx, verifier))
    except FederationError as error:
        return 0, error.message
    return sum(head.size for head in heads), ""


async def _running(now: datetime) -> Running | None:
    try:
        async with session.connect() as channel:
            status = await NodeStub(channel).GetNodeStatus(api.GetNodeStatusRequest())
            link = await NodeStub(channel).GetLinkStatus(api.GetLinkStatusRequest(attempts=1))
            queue = await SubmissionsStub(channel).ListQueue(intake.ListQueueRequest(page_size=1))
            waiting = await receipt_waiting.count(channel)
    except (FederationError, grpc.aio.AioRpcError):
        return None
    said = plain(status)
    connected = said["link"] in ("CONNECTED", "CATCHING_UP", "QUARANTINED")
    return Running(
        service=said["service"],
        service_version=status.service_version,
        link=said["link"],
        cause=link.cause,
        queue_entries=status.queue_entries,
        queue_bytes=status.queue_bytes,
        clock_offset_seconds=link.clock_offset_seconds if connected else None,
        clock=_clock(status.clock),
        quarantine=f"{link.quarantine.code} {link.quarantine.reason}".strip(),
        contradiction=link.contradiction,
        oldest_seconds=_age(queue, now),
        details_waiting=waiting,
    )


def _clock(told: api.ClockTrust) -> Clock:
    return Clock(told.basis, told.error_seconds, told.shift_seconds)


def _age(queue: intake.ListQueueResponse, now: datetime) -> float:
    """Of the oldest sealed bytes that the centre has not verified."""
    if not queue.waiting_count or not queue.items:
        return 0.0
    return max((now - queue.items[0].store_time.ToDatetime(tzinfo=UTC)).total_seconds(), 0.0)


async def _ready(address: str) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_REACH_SECONDS) as client:
            return (await client.get(f"http://{address}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


async def _reachable(address: str) -> bool:
    """Whether TCP gets there; nothing is sent."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_REACH_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, ValueError, TimeoutError):
        return False
    writer.close()
    return True
