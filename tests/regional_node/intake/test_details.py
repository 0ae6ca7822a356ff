"""What a vendor's program may say is checked before its first byte, without repeating it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lpse.federation.commitments import SealedFile, SubmissionDetails
from lpse.federation.errors import Refused
from regional_node.intake.details import check_details, read_vendor_details

GOOD = SubmissionDetails(
    intake_key="key-00000001",
    package="7781013",
    stage="",
    vendor="PT Rahasia",
    channel="direct",
    seat=0,
    files=(SealedFile("rahasia.rhs", 3, b""),),
    extra={},
)


def test_details_come_back_as_they_were() -> None:
    """The vendor reference is taken out, everything else is kept."""
    document = {"vendor": "PT Rahasia", "npwp": "01", "lots": [1, None, True, {"a": "b"}]}
    vendor, extra = read_vendor_details(json.dumps(document).encode())
    assert vendor == document.pop("vendor")
    assert extra == document


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"vendor",
        b"[]",
        b"{}",
        b'{"vendor": ""}',
        b'{"vendor": "  "}',
        b'{"vendor": 7}',
        b'{"vendor": "a", "vendor": "b"}',
        b'{"vendor": "a", "x": {"y": 1, "y": 2}}',
        b'{"vendor": "a", "x": 1.5}',
        b'{"vendor": "a", "x": NaN}',
        b'{"vendor": "a", "x": 99999999999999999999}',
        b'{"vendor": "a", "x": "\\ud800"}',
        b'{"vendor": "a", "x": "\\u0000"}',
        b'{"vendor": "a", "x": "\\u202e"}',
        b'{"vendor": "\xff"}',
        b'{"vendor": "' + b"a" * 201 + b'"}',
        b'{"vendor": "a", "x": ' + b"[" * 9 + b"]" * 9 + b"}",
        b'{"vendor": "a", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"vendor": "a", "x": "' + b"a" * 17_000 + b'"}',
    ],
)
def test_bad_details(document: bytes) -> None:
    """Whatever could be read in two ways, or by nobody, is refused with one code."""
    with pytest.raises(Refused) as caught:
        read_vendor_details(document)
    assert caught.value.code == "FED-5001"


@pytest.mark.parametrize(
    ("code", "details"),
    [
        ("FED-5002", replace(GOOD, files=())),
        ("FED-5002", replace(GOOD, files=GOOD.files * 2)),
        ("FED-5002", replace(GOOD, files=(SealedFile("", 1, b""),))),
        ("FED-5002", replace(GOOD, files=(SealedFile("a\nb", 1, b""),))),
        ("FED-5002", replace(GOOD, files=(SealedFile("a" * 256, 1, b""),))),
        ("FED-5002", replace(GOOD, files=(SealedFile("a", 1, b"short"),))),
        ("FED-5003", replace(GOOD, files=(SealedFile("a", 101, b""),))),
        ("FED-5004", replace(GOOD, extra={"x": "rahasia" * 8_000})),
        ("FED-5005", replace(GOOD, intake_key="short")),
        ("FED-5005", replace(GOOD, intake_key="k" * 65)),
        ("FED-5005", replace(GOOD, intake_key="../../../etc")),
        ("FED-5005", replace(GOOD, intake_key="kunci rahasia")),
        ("FED-5007", replace(GOOD, channel="")),
        ("FED-5007", replace(GOOD, channel="bidding-room")),
        ("FED-5007", replace(GOOD, channel="bidding-room", seat=100)),
        ("FED-5007", replace(GOOD, seat=1)),
        ("FED-5016", replace(GOOD, package="")),
        ("FED-5016", replace(GOOD, package="../x")),
        ("FED-5016", replace(GOOD, package="7" * 65)),
    ],
)
def test_bad_submissions(code: str, details: SubmissionDetails) -> None:
    """Each wrong part has its own code, and no message repeats a secret."""
    with pytest.raises(Refused) as caught:
        check_details(details, 100)
    assert caught.value.code == code
    assert "rahasia" not in str(caught.value).lower()


def test_a_good_submission_passes() -> None:
    """Direct uploads and those of a numbered PC in the Bidding Room are accepted."""
    check_details(GOOD, 100)
    check_details(replace(GOOD, channel="bidding-room", seat=10), 100)
