"""What a doctor concludes: facts of this machine in, plain sentences out. Pure.

Owns every judgement of `lpse-node doctor` and its words: what was found, what it means, what to
do. Rules: losing the centre is a remark, never a failure, because uploads go on (Invariant 4);
figures are those of the whole node, never of a package (Invariant 6). Leaves out looking
(`examining`) and printing (`doctor`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from lpse.federation.limits import BLOB_RESERVE_BYTES_MIN, CLOCK_STEP_SECONDS_MIN
from lpse.terminal.causes import cause_text
from regional_node.cli import disk_findings
from regional_node.cli.disk_findings import Stored
from regional_node.cli.finding import FAILED, OK, REMARK, Finding

_CERTIFICATE_LATE_PART: Final = 0.15  # of its life; renewal begins at two thirds and must be stuck
_OFFSET_SECONDS_GOOD: Final = 1.0
_OFFSET_SECONDS_BAD: Final = 30.0  # verdicts near a deadline become undetermined by so much
_FREE_PART_LOW: Final = 0.10
_QUEUE_HOURS_OLD: Final = 24
_GOOD_CONGESTION: Final = "bbr"


@dataclass(frozen=True, slots=True)
class Clock:
    """How far the daemon trusts its clock."""

    basis: str
    error_seconds: float
    shift_seconds: float  # by how much it was set since its last comparison


@dataclass(frozen=True, slots=True)
class Running:
    """What the daemon said."""

    service: str
    service_version: str
    link: str
    cause: str
    queue_entries: int
    queue_bytes: int
    clock_offset_seconds: float | None  # None while the link is down
    clock: Clock
    quarantine: str
    contradiction: str
    oldest_seconds: float  # age of the oldest sealed bytes that wait
    details_waiting: int = 0  # submissions of the whole node that came back without details


@dataclass(frozen=True, slots=True)
class Facts:
    """This machine as it was found."""

    node_id: str
    certificate: tuple[datetime, datetime] | None
    loose_files: tuple[str, ...]
    free_bytes: int
    total_bytes: int
    congestion: str
    restored: bool
    exercise: bool
    now: datetime
    running: Running | None
    journal_entries: int
    journal_problem: str
    ready: bool
    service_port: int
    service_answers: bool
    roads: tuple[tuple[str, bool], ...]  # (host:port, reachable)
    stored: Stored = field(default_factory=Stored)


def judge(facts: Facts) -> list[Finding]:
    """Every check, most urgent areas first."""
    first, *others = [check(facts) for check in _CHECKS]
    return [first, *(check(facts.stored) for check in disk_findings.CHECKS), *others]


def failed(findings: Sequence[Finding]) -> bool:
    """Whether something keeps this node from its duty."""
    return any(finding.state == FAILED for finding in findings)


def _daemon(facts: Facts) -> Finding:
    if facts.running is None:
        return Finding(
            "daemon", FAILED,
            "the daemon does not answer",
            "nobody can hand in a submission here",
            "start it: systemctl start lpse-node; then read: journalctl -u lpse-node -n 50",
        )  # fmt: skip
    if not facts.ready:
        return Finding(
            "daemon", FAILED,
            "the daemon runs, but its readiness page does not say ready",
            "it refuses submissions, most likely because the disk is full or failed",
            "read: journalctl -u lpse-node -n 50, and look at the disk",
        )  # fmt: skip
    return Finding("daemon", OK, "the daemon runs and is ready")


def _enrolment(facts: Facts) -> Finding:
    if not facts.node_id:
        return Finding(
            "enrolment", FAILED,
            "this machine is not enrolled",
            "the centre does not know it, and it cannot sign receipts",
            "ask the centre for a code, then: lpse-node enrol --code - --endpoint HOST:PORT",
        )  # fmt: skip
    return Finding("enrolment", OK, "enrolled as {node}", fields={"node": facts.node_id})


def _certificate(facts: Facts) -> Finding:
    if facts.certificate is None:
        return Finding(
            "certificate", FAILED,
            "the certificate is missing or cannot be read",
            "the link to the centre cannot be opened; uploads go on",
            "look at identity/tls.crt in the data folder; enrolling again is harmless",
        )  # fmt: skip
    begin, end = facts.certificate
    fields = {"day": f"{end:%Y-%m-%d}", "days": max((end - facts.now).days, 0)}
    if facts.now >= end:
        return Finding(
            "certificate", REMARK,
            "the certificate ended on {day}",
            "the link is down until it is renewed; the daemon tries by itself; uploads go on",
            "check link.endpoint (the enrolment listener) and the road to it",
            fields,
        )  # fmt: skip
    if end - facts.now < (end - begin) * _CERTIFICATE_LATE_PART:
        return Finding(
            "certificate", REMARK,
            "the certificate ends in {days} days, on {day}, and was not renewed yet",
            "renewal should have happened by now",
            "check link.endpoint (the enrolment listener) and the road to it",
            fields,
        )  # fmt: skip
    return Finding("certificate", OK, "valid until {day} ({days} days)", fields=fields)


def _disk(facts: Facts) -> Finding:
    fields = {
        "free": _gigabytes(facts.free_bytes),
        "total": _gigabytes(facts.total_bytes),
        "part": round(100 * facts.free_bytes / max(facts.total_bytes, 1)),
    }
    if facts.free_bytes <= BLOB_RESERVE_BYTES_MIN:
        return Finding(
            "disk", FAILED,
            "{free} GB of {total} GB are free: the reserve is reached",
            "new submissions are refused; receipts and sending go on",
            "free space on this disk now; the daemon goes on by itself",
            fields,
        )  # fmt: skip
    if facts.free_bytes < facts.total_bytes * _FREE_PART_LOW:
        return Finding(
            "disk", REMARK,
            "{free} GB of {total} GB are free ({part} %)",
            "the rush before a deadline may fill it",
            "free space, or move the data folder to a larger disk",
            fields,
        )  # fmt: skip
    return Finding("disk", OK, "{free} GB of {total} GB are free ({part} %)", fields=fields)


def _modes(facts: Facts) -> Finding:
    if facts.loose_files:
        return Finding(
            "file modes", FAILED,
            "other users can get at: {files}",
            "whoever holds these keys can sign as this node",
            "chmod 600 these files and 700 their folder; ask the centre if they may have leaked",
            {"files": ", ".join(facts.loose_files)},
        )  # fmt: skip
    return Finding("file modes", OK, "keys and database are for the daemon's user alone")


def _journal(facts: Facts) -> Finding:
    fields = {"entries": facts.journal_entries, "problem": facts.journal_problem}
    if facts.journal_problem:
        return Finding(
            "journal", FAILED,
            "the journal does not verify: {problem}",
            "what is stored is not what was signed; what the centre holds comes back by itself",
            "let the daemon run with its link up, and read: lpse-node recon audit; where that still"
            " tells damage days later, call the centre before anything is restored",
            fields,
        )  # fmt: skip
    if facts.restored:
        return Finding(
            "journal", REMARK,
            "{entries} entries verify; they come from a backup",
            "the next start opens a new epoch",
            "start the daemon",
            fields,
        )  # fmt: skip
    return Finding("journal", OK, "{entries} entries verify against the signed head", fields=fields)


def _link(facts: Facts) -> Finding:
    running = facts.running
    if running is None:
        return Finding("link", REMARK, "unknown while the daemon does not run")
    fields = {"cause": cause_text(running.cause) or "–"}
    if running.quarantine or running.contradiction or running.link in ("QUARANTINED", "REFUSED"):
        why = running.quarantine or running.contradiction or running.cause
        fields["cause"] = cause_text(why)
        return Finding(
            "link", REMARK,
            "connected, but the centre and this node disagree: {cause}",
            "uploads go on; entries wait here until people have looked at it",
            "call the centre; nothing here is lost or overwritten",
            fields,
        )  # fmt: skip
    if running.link == "PAUSED":
        return Finding(
            "link", REMARK,
            "paused by an officer",
            "uploads go on; nothing is sent",
            "lpse-node link resume",
        )  # fmt: skip
    if running.link not in ("CONNECTED", "CATCHING_UP"):
        return Finding(
            "link", REMARK,
            "not connected: {cause}",
            "uploads go on; everything is sent when the link is back, by itself",
            "if other web pages open here, wait; if not, call your network provider",
            fields,
        )  # fmt: skip
    return Finding("link", OK, "connected to the centre")


def _clock(facts: Facts) -> Finding:
    offset = facts.running.clock_offset_seconds if facts.running else None
    clock = facts.running.clock if facts.running else None
    if clock is not None and abs(clock.shift_seconds) >= CLOCK_STEP_SECONDS_MIN:
        return Finding(
            "clock", REMARK,
            "it was set by {seconds} seconds since its last comparison with the centre",
            "uploads that close to a deadline cannot be judged by the clock alone",
            "find out who set it; the next contact with the centre measures it again",
            {"seconds": f"{clock.shift_seconds:+.0f}"},
        )  # fmt: skip
    if clock is not None and clock.error_seconds > _OFFSET_SECONDS_BAD:
        return Finding(
            "clock", REMARK,
            "it is known to {seconds} seconds only ({basis})",
            "uploads that close to a deadline cannot be judged by the clock alone",
            "the next contact with the centre measures it again",
            {"seconds": f"{clock.error_seconds:.0f}", "basis": clock.basis},
        )  # fmt: skip
    if offset is None and clock is not None:
        return Finding(
            "clock", OK,
            "it is known to {seconds} seconds by the last comparison with the centre",
            fields={"seconds": f"{clock.error_seconds:.1f}"},
        )  # fmt: skip
    if offset is None:
        return Finding(
            "clock", REMARK,
            "the offset is unknown while the link is down",
            "deadlines are judged by this machine's clock",
            "make sure that time synchronisation runs: timedatectl",
        )  # fmt: skip
    fields = {"seconds": f"{abs(offset):.1f}"}
    if abs(offset) <= _OFFSET_SECONDS_GOOD:
        return Finding("clock", OK, "{seconds} seconds away from the centre's clock", fields=fields)
    return Finding(
        "clock",
        FAILED if abs(offset) > _OFFSET_SECONDS_BAD else REMARK,
        "{seconds} seconds away from the centre's clock",
        "uploads that close to a deadline cannot be judged by the clock alone",
        "switch time synchronisation on: timedatectl set-ntp true",
        fields,
    )


def _queue(facts: Facts) -> Finding:
    running = facts.running
    if running is None:
        return Finding("queue", REMARK, "unknown while the daemon does not run")
    fields = {
        "entries": running.queue_entries,
        "megabytes": round(running.queue_bytes / 1e6, 1),
        "hours": round(running.oldest_seconds / 3_600),
    }
    if running.oldest_seconds > _QUEUE_HOURS_OLD * 3_600:
        return Finding(
            "queue", REMARK,
            "{entries} entries and {megabytes} MB wait; the oldest bytes for {hours} hours",
            "they are safe here, but there is no second copy at the centre yet",
            "look at the link; lpse-node queue list shows attempts and causes",
            fields,
        )  # fmt: skip
    return Finding("queue", OK, "{entries} entries and {megabytes} MB wait", fields=fields)


def _details(facts: Facts) -> Finding:
    waiting = facts.running.details_waiting if facts.running else 0
    if facts.running is None:
        return Finding("details", REMARK, "unknown while the daemon does not run")
    if waiting:
        return Finding(
            "details", REMARK,
            "submissions that wait for their details: {count}",
            "their bytes are kept, but they cannot be listed or opened until then",
            "type the recovery code from paper: lpse-node recovery-code enter; for the others ask"
            " the vendors for their receipts: lpse-node receipt restore FILE;"
            " lpse-node receipt waiting shows which",
            {"count": waiting},
        )  # fmt: skip
    return Finding("details", OK, "no submission waits for its details")


def _service(facts: Facts) -> Finding:
    running = facts.running
    fields: dict[str, Any] = {"port": facts.service_port}
    if not facts.service_answers:
        return Finding(
            "service", REMARK,
            "nothing answers at port {port}: SPSE does not run here",
            "vendors cannot use SPSE; submissions over this node go on",
            "look at the upgrades in lpse-node status, and at SPSE's own log",
            fields,
        )  # fmt: skip
    fields["version"] = (running.service_version if running else "") or "–"
    return Finding("service", OK, "SPSE answers at port {port}, version {version}", fields=fields)


def _roads(facts: Facts) -> Finding:
    closed = [address for address, open_ in facts.roads if not open_]
    if closed:
        return Finding(
            "ports", REMARK,
            "cannot be reached from here: {addresses}",
            "a firewall, the provider or the centre; uploads go on",
            "allow outgoing TCP to these addresses",
            {"addresses": ", ".join(closed)},
        )  # fmt: skip
    if not facts.roads:
        return Finding(
            "ports", REMARK,
            "no address of the centre is known here",
            "this node was never enrolled; bids are accepted after that",
            "lpse-node enrol, with a code from the centre",
        )  # fmt: skip
    return Finding("ports", OK, "the centre's ports can be reached")


def _congestion(facts: Facts) -> Finding:
    fields = {"name": facts.congestion or "–"}
    if facts.congestion == _GOOD_CONGESTION:
        return Finding("congestion control", OK, "TCP uses {name}", fields=fields)
    return Finding(
        "congestion control", REMARK,
        "TCP uses {name}",
        "on a long line that loses packets, bbr sends about three times as fast",
        "as root: echo net.ipv4.tcp_congestion_control=bbr > /etc/sysctl.d/90-lpse.conf;"
        " sysctl --system",
        fields,
    )  # fmt: skip


def _environment(facts: Facts) -> Finding:
    if facts.exercise:
        return Finding(
            "environment", REMARK,
            "this is an exercise: legal time may be stepped",
            "its receipts are marked and prove nothing",
            'on a real node set environment = "production"',
        )  # fmt: skip
    return Finding("environment", OK, "production")


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f}"


_CHECKS: Final[tuple[Callable[[Facts], Finding], ...]] = (
    _daemon, _disk, _journal, _modes, _enrolment, _clock,
    _link, _queue, _details, _certificate, _service, _roads, _congestion, _environment,
)  # fmt: skip
