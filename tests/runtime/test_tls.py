"""Key files: private, durable, never overwritten; requests and keys are read strictly."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from lpse.federation.errors import Conflict, Denied, Refused
from lpse.runtime import tls
from lpse.runtime.channels import subject_of

NOW = datetime.now(UTC)


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_private_file_is_0600_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """A generous umask does not open a key to others, a strict one does not lock its owner out."""
    before = os.umask(umask)
    try:
        tls.write_private(tmp_path / "k", b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["k"]


def test_private_file_is_never_overwritten(tmp_path: Path) -> None:
    """The same bytes again are fine, other bytes are a conflict and change nothing."""
    tls.write_private(tmp_path / "k", b"secret")
    tls.write_private(tmp_path / "k", b"secret")
    with pytest.raises(Conflict) as caught:
        tls.write_private(tmp_path / "k", b"other")
    assert caught.value.code == "FED-3011" and (tmp_path / "k").read_bytes() == b"secret"


def test_draft_of_a_crash_is_replaced_not_followed(tmp_path: Path) -> None:
    """A planted or left-over draft, even a link elsewhere, does not receive the key."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"untouched")
    (tmp_path / ".k.new").symlink_to(elsewhere)
    tls.write_private(tmp_path / "k", b"secret")
    assert elsewhere.read_bytes() == b"untouched" and (tmp_path / "k").read_bytes() == b"secret"


def test_public_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A renewed certificate takes the place of the old one; no draft stays."""
    tls.write_public(tmp_path / "c", b"old")
    tls.write_public(tmp_path / "c", b"new")
    assert (tmp_path / "c").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"x" * 100_000])
def test_unusable_key_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Missing, damaged and huge key files get one clear error."""
    if content is not None:
        (tmp_path / "k").write_bytes(content)
    for load in (tls.load_signing_key, tls.load_tls_key, tls.load_certificate):
        with pytest.raises(Refused) as caught:
            load(tmp_path / "k")
        assert caught.value.code == "FED-3012"


def test_keys_are_not_taken_for_each_other(tmp_path: Path) -> None:
    """A TLS key does not sign and a signing key does not speak TLS."""
    tls.write_private(tmp_path / "t", tls.private_pem(tls.new_tls_key()))
    tls.write_private(tmp_path / "s", tls.private_pem(tls.new_signing_key()))
    with pytest.raises(Refused):
        tls.load_signing_key(tmp_path / "t")
    with pytest.raises(Refused):
        tls.load_tls_key(tmp_path / "s")


def test_requests_for_other_keys_are_refused() -> None:
    """Only P-256 is certified; a broken signature and endless bytes are refused."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    keys: list[Any] = [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65_537, 2048),
    ]
    others = [builder.sign(k, hashes.SHA256()).public_bytes(Encoding.DER) for k in keys]
    good = tls.make_request(tls.new_tls_key())
    broken = good[:-1] + bytes([good[-1] ^ 1])
    for der in (*others, broken, b"", good * 100):
        with pytest.raises(Refused) as caught:
            tls.read_request(der)
        assert caught.value.code == "FED-3013"


def test_request_cannot_choose_its_name() -> None:
    """Whatever a request asks for, the certificate holds the bound subject and nothing else."""
    authority, key = tls.make_authority("ca", NOW, 1), tls.new_tls_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lkpp-central")])
    names = x509.SubjectAlternativeName(
        [x509.DNSName("lkpp-central"), x509.UniformResourceIdentifier("lpse://operator/sri")]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    builder = builder.add_extension(names, critical=False)
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    validity = (NOW, timedelta(hours=1))
    issued = tls.issue_client(
        authority, tls.read_request(der), ("node", "lpse-a"), bytes(32), validity
    )
    subject = subject_of(issued)
    assert (subject.kind, subject.name) == ("node", "lpse-a")
    assert subject.key_id == tls.key_id(bytes(32))
    assert b"lkpp-central" not in issued.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    "uris",
    [
        [],
        ["lpse://node/a", "lpse://operator/b"],
        ["lpse://node/"],
        ["lpse://node/a/b"],
        ["lpse://boss/a"],
        ["https://node/a"],
    ],
)
def test_certificate_without_one_clear_subject_is_nobody(uris: list[str]) -> None:
    """Two names, no name or a strange name are refused rather than guessed."""
    authority, key = tls.make_authority("ca", NOW, 1), tls.new_tls_key()
    builder = x509.CertificateBuilder().subject_name(x509.Name([]))
    builder = builder.issuer_name(authority.certificate.subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW)
    builder = builder.not_valid_after(NOW + timedelta(hours=1))
    if uris:
        names = [x509.UniformResourceIdentifier(uri) for uri in uris]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    with pytest.raises(Denied) as caught:
        subject_of(builder.sign(authority.key, hashes.SHA256()))
    assert caught.value.code == "FED-3001"
