"""What can be wrong with a resumable upload, each with its code.

Owns the errors FED-54nn. Rule: no message names a file, a vendor or a package, and none depends on
what others upload. Leaves out status codes (regional_node/web).
"""

from __future__ import annotations

from lpse.federation.errors import Conflict, NotFound, Refused, Unavailable


class FileUnknown(NotFound):
    """No such file in this grant; also where it belongs to another one."""

    def __init__(self) -> None:
        super().__init__(
            "FED-5401", "this grant has no such file", remedy="begin the file's upload again"
        )


class FileGone(NotFound):
    """The file expired or was ended on purpose."""

    def __init__(self) -> None:
        super().__init__(
            "FED-5402",
            "this file's upload has ended and its bytes were removed",
            remedy="begin the file's upload again",
        )


class OffsetConflict(Conflict):
    """The bytes do not begin where the file ends; `expected` says where."""

    def __init__(self, expected: int) -> None:
        super().__init__(
            "FED-5403",
            f"the next byte expected is {expected}",
            remedy="ask for the offset and go on from there",
        )
        self.expected = expected


class ChecksumMismatch(Refused):
    """The bytes of this request do not have the checksum given with it; none was kept."""

    may_retry = True

    def __init__(self) -> None:
        super().__init__(
            "FED-5405",
            "the bytes do not have the checksum that was sent with them; none was kept",
            remedy="send them again",
        )


class FileTooLarge(Refused):
    """More than the grant allows, or more bytes than were announced."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            "FED-5407", detail, remedy="make the files smaller or ask the LPSE about its limit"
        )


class FileBroken(Unavailable):
    """What the disk gives back is not what arrived; the file is empty again."""

    def __init__(self) -> None:
        super().__init__(
            "FED-5406",
            "the disk did not give back the bytes that arrived; the file is empty again",
            remedy="send the file again from its beginning",
        )


def overrun() -> FileTooLarge:
    """FED-5407 for bytes behind the announced end."""
    return FileTooLarge("more bytes came than the file was announced with; those were not kept")


def too_many_of_grant(limit: int) -> Refused:
    """FED-5408."""
    return Refused(
        "FED-5408",
        f"a grant has at most {limit} such files",
        remedy="submit or remove files of this upload first",
    )


def too_many() -> Unavailable:
    """FED-5409: depends on all grants together, and says no number."""
    return Unavailable(
        "FED-5409", "as many files as possible are being received", remedy="try again in a moment"
    )


def unfinished() -> Conflict:
    """FED-5410."""
    return Conflict(
        "FED-5410",
        "a file of this submission is not whole yet; nothing was submitted",
        remedy="wait until every file is complete, then submit",
    )


def submitted_before() -> Conflict:
    """FED-5411."""
    return Conflict(
        "FED-5411",
        "a file of this submission belongs to an earlier one; nothing was submitted",
        remedy="upload the file again to send it with a new submission",
    )


def bad_selection() -> Refused:
    """FED-5412."""
    return Refused(
        "FED-5412",
        "a submission names each of its files once, and at least one",
        remedy="choose the files again",
    )


def too_many_submissions(limit: int) -> Refused:
    """FED-5413."""
    return Refused(
        "FED-5413",
        f"a grant takes at most {limit} submissions",
        remedy="the newest one counts; ask the LPSE for a new grant if it must be replaced",
    )


def broken_off() -> Refused:
    """FED-5418, in proofs only."""
    return Refused("FED-5418", "the bytes of the file ended early or changed")


def expired() -> Refused:
    """FED-5415, in proofs only."""
    return Refused("FED-5415", "the file was not submitted before it expired")


def terminated() -> Refused:
    """FED-5416, in proofs only."""
    return Refused("FED-5416", "the file was removed by its uploader")


def revoked() -> Refused:
    """FED-5417, in proofs only."""
    return Refused("FED-5417", "the upload grant was revoked")
