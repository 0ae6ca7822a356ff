"""What a doctor concludes about the data disk and what is stored on it. Pure.

Owns the checks of ballast, last failure, scrub and files set aside. Rule: figures are those of the
whole node, never of a package (Invariant 6). Leaves out free space (`findings`) and looking
(`examining`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regional_node.cli.finding import FAILED, OK, REMARK, Finding


@dataclass(frozen=True, slots=True)
class Stored:
    """The data folder as it was found; empty texts and zeros where nothing was written yet."""

    ballast_bytes: int = 0
    ballast_wanted_bytes: int = 0
    failure: str = ""  # what the disk said when it failed last
    failure_time: str = ""  # RFC 3339
    verified_time: str = ""  # of the last look after a lost program
    scrub_pass: int = 0
    scrub_day: str = ""  # end of the last whole pass
    scrub_blobs: int = 0
    damaged_open: int = 0
    damaged_person: int = 0
    aside_files: int = 0
    aside_bytes: int = 0


def ballast(stored: Stored) -> Finding:
    """Is there room for receipts on the day the disk is full?"""
    fields = {"megabytes": round(stored.ballast_wanted_bytes / 1e6)}
    if stored.ballast_bytes < stored.ballast_wanted_bytes:
        return Finding(
            "ballast", REMARK,
            "the reserve of {megabytes} MB is not held",
            "the disk was full, or the daemon has not run yet; uploads are refused on a full disk",
            "free space on this disk; the daemon takes the reserve again by itself",
            fields,
        )  # fmt: skip
    return Finding("ballast", OK, "{megabytes} MB are held for a full disk", fields=fields)


def last_failure(stored: Stored) -> Finding:
    """What the disk said when it failed last, and whether everything was looked at since."""
    if not stored.failure:
        return Finding("disk errors", OK, "the disk has not failed")
    fields: dict[str, Any] = {"failure": stored.failure, "time": stored.failure_time}
    if stored.verified_time > stored.failure_time:
        return Finding(
            "disk errors", REMARK,
            "the disk failed at {time}: {failure}",
            "everything stored was verified at the start after it",
            "look at the disk: journalctl -k, smartctl -a; replace it if this comes again",
            fields,
        )  # fmt: skip
    return Finding(
        "disk errors", FAILED,
        "the disk failed at {time}: {failure}",
        "the daemon ended and accepts nothing until it has verified what is stored",
        "look at the disk: journalctl -k, smartctl -a; then start the daemon",
        fields,
    )  # fmt: skip


def stored_files(stored: Stored) -> Finding:
    """Are the sealed bytes what they were when they came?"""
    fields: dict[str, Any] = {
        "damaged": stored.damaged_open + stored.damaged_person,
        "blobs": stored.scrub_blobs,
        "day": stored.scrub_day,
        "number": stored.scrub_pass,
    }
    if stored.damaged_person:
        fields["damaged"] = stored.damaged_person
        return Finding(
            "stored files", FAILED,
            "{damaged} stored files are damaged, and no good copy was found",
            "their receipts stay valid; the bytes cannot be handed over",
            "look for them in a backup of this node; lpse-node recon list --trigger SCRUB",
            fields,
        )  # fmt: skip
    if stored.damaged_open:
        return Finding(
            "stored files", REMARK,
            "{damaged} stored files are damaged and are being healed",
            "good copies are asked of the other side",
            "look at the disk; lpse-node recon list --trigger SCRUB",
            fields,
        )  # fmt: skip
    if stored.scrub_day:
        return Finding("stored files", OK, "all re-read by {day}; none damaged", fields=fields)
    return Finding(
        "stored files", OK, "{blobs} re-read so far in pass {number}; none damaged", fields=fields
    )


def set_aside(stored: Stored) -> Finding:
    """Did a start find bytes that no row names?"""
    fields = {"files": stored.aside_files, "megabytes": round(stored.aside_bytes / 1e6, 1)}
    if stored.aside_files:
        return Finding(
            "files set aside", REMARK,
            "{files} files, {megabytes} MB, are set aside",
            "broken-off uploads, damaged files that were replaced, or files of a newer database",
            "if an older backup was restored here, keep them; after 90 days they are removed",
            fields,
        )  # fmt: skip
    return Finding("files set aside", OK, "no file is set aside")


CHECKS = (ballast, last_failure, stored_files, set_aside)
