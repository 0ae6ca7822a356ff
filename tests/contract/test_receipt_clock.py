"""A receipt says how far the clock was trusted, and one that says nothing still verifies."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse.federation.receipts import Moment, Times, sign_attempt, sign_receipt, verify_receipt
from lpse.federation.v1.records_pb2 import RefusalReason, Verdict
from tests.contract.test_receipts import (
    ACCEPT,
    BEGIN,
    DETAILS,
    NODE,
    STANDING,
    WORLD,
    commitment_of,
)

VECTORS = Path(__file__).parent / "vectors"
MEASURED = replace(
    ACCEPT,
    error_seconds=0.151,
    offset_seconds=-2.5,
    basis="MEASURED",
    measure_time=datetime(2015, 3, 27, 2, 30, tzinfo=UTC),
)


def make(durable: Moment) -> bytes:
    details = replace(DETAILS, replaces="key-00000000")
    return sign_receipt(
        NODE,
        commitment_of(details),
        STANDING,
        Verdict.VERDICT_ON_TIME,
        Times(BEGIN, durable),
        WORLD,
    )


def test_golden_vector() -> None:
    """The receipt of a measured clock that replaces another one is these bytes for ever."""
    assert make(MEASURED) == (VECTORS / "receipt_clock.txt").read_bytes()


def test_time_as_read_offset_error_and_when_it_was_measured() -> None:
    """Whoever judges later finds the reading unchanged and everything that it rests on."""
    verified = verify_receipt(make(MEASURED), NODE.verifier)
    document = verified.document
    assert document["accept_time"] == "2015-03-27T02:59:59.999999Z"
    assert document["clock_basis"] == "MEASURED"
    assert document["clock_offset_seconds"] == -2.5
    assert document["clock_error_seconds"] == 0.151
    assert document["clock_measure_time"] == "2015-03-27T02:30:00.000000Z"
    assert verified.details.replaces == "key-00000000"


def test_a_clock_that_was_never_measured_says_so() -> None:
    """The error of an unmeasured clock is an assumption, and the receipt calls it that."""
    never = replace(ACCEPT, error_seconds=60.0, basis="UNMEASURED")
    document = verify_receipt(make(never), NODE.verifier).document
    assert (document["clock_basis"], document["clock_measure_time"]) == ("UNMEASURED", None)


def test_receipts_of_earlier_programs_say_nothing_about_it() -> None:
    """Fields that an old receipt has not are absent, not invented."""
    old = verify_receipt((VECTORS / "receipt.txt").read_bytes(), NODE.verifier).document
    assert not {"clock_basis", "clock_offset_seconds", "clock_measure_time"} & set(old)


@pytest.mark.parametrize("reason", ["EXPIRED", "TERMINATED", "REVOKED"])
def test_a_proof_tells_how_a_resumable_attempt_ended(reason: str) -> None:
    """The proof of an attempt names the coarse reason, the bytes and the clock."""
    value = RefusalReason.Value(f"REFUSAL_REASON_{reason}")
    proof = sign_attempt(
        NODE, commitment_of(DETAILS), STANDING, (value, 77), (BEGIN, MEASURED), WORLD
    )
    verified = verify_receipt(proof, NODE.verifier)
    assert not verified.accepted
    assert verified.document["reason"] == reason
    assert verified.document["received_bytes"] == 77
    assert verified.document["clock_basis"] == "MEASURED"


def test_the_interval_of_a_moment() -> None:
    """The right time is the reading plus the offset, give or take the error."""
    width = (MEASURED.latest - MEASURED.earliest).total_seconds()
    assert width == pytest.approx(0.302)
    assert (MEASURED.latest - MEASURED.time).total_seconds() == pytest.approx(-2.349)
