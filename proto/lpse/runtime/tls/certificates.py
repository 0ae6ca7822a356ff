"""Certificates: the private CA, requests, and what is issued to the centre, nodes and operators.

Owns their form. Rule: a client certificate names its subject in one URI (`lpse://node/…`,
`lpse://operator/…`), carries the digest of the enrolled signing key in its serialNumber, and can
never be used as a server; of a request only the public key is taken. Leaves out who may have one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lpse.federation.errors import Refused
from lpse.federation.limits import CERTIFICATE_BACKDATE_SECONDS, CERTIFICATE_REQUEST_BYTES_MAX
from lpse.runtime.tls.keys import (
    CA_CERTIFICATE,
    CA_KEY,
    key_id,
    load_tls_key,
    new_tls_key,
    read_limited,
)

CENTRE_SERVER_NAME: Final = "lkpp-central"


@dataclass(frozen=True, slots=True)
class Authority:
    """A private CA: its certificate and the key that issues."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def load_certificate(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file."""
    return certificate_from(read_limited(path))


def certificate_from(pem: bytes) -> x509.Certificate:
    """A certificate in PEM; Refused (FED-3012) when it is none."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise Refused("FED-3012", "this is no certificate in PEM") from error


def load_authority(folder: Path) -> Authority:
    """The CA kept in an identity folder of the centre."""
    return Authority(load_certificate(folder / CA_CERTIFICATE), load_tls_key(folder / CA_KEY))


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM)


def fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the certificate's DER, 32 bytes."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


def make_authority(name: str, now: datetime, days: int) -> Authority:
    """A self-signed CA that may sign end certificates only."""
    key = new_tls_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _validity(x509.CertificateBuilder(), now, timedelta(days=days))
    builder = builder.subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def issue_server(
    authority: Authority, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.Certificate:
    """The centre's own certificate; clients expect this one name whatever the host is called."""
    names = x509.SubjectAlternativeName([x509.DNSName(CENTRE_SERVER_NAME)])
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, CENTRE_SERVER_NAME)]
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    builder = _validity(x509.CertificateBuilder(), now, timedelta(days=days))
    builder = builder.subject_name(x509.Name(subject)).public_key(key)
    return _sign_end(authority, builder, names, usage)


def issue_client(
    authority: Authority,
    request: x509.CertificateSigningRequest,
    subject: tuple[str, str],
    signing_key: bytes,
    validity: tuple[datetime, timedelta],
) -> x509.Certificate:
    """A certificate for `subject` (kind, name); of the request only the public key is taken."""
    kind, name = subject
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)  # read_request let nothing else in
    uri = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"lpse://{kind}/{name}")])
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, name),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, key_id(signing_key)),
    ]
    builder = _validity(x509.CertificateBuilder(), *validity)
    builder = builder.subject_name(x509.Name(attributes)).public_key(key)
    return _sign_end(authority, builder, uri, ExtendedKeyUsageOID.CLIENT_AUTH)


def make_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A PKCS#10 request in DER; it names nobody, since the centre decides the name."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def read_request(der: bytes) -> x509.CertificateSigningRequest:
    """A checked request for a P-256 key; Refused (FED-3013) for anything else."""
    try:
        if len(der) > CERTIFICATE_REQUEST_BYTES_MAX:
            raise ValueError("too long")
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise ValueError("not P-256")
        if not request.is_signature_valid:
            raise ValueError("signature")
    except (ValueError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise Refused(
            "FED-3013", "the certificate request is malformed or not for an ECDSA P-256 key"
        ) from error
    return request


def _validity(
    builder: x509.CertificateBuilder, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    start = now - timedelta(seconds=CERTIFICATE_BACKDATE_SECONDS)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(now + life)


def _sign_end(
    authority: Authority,
    builder: x509.CertificateBuilder,
    names: x509.SubjectAlternativeName,
    usage: x509.ObjectIdentifier,
) -> x509.Certificate:
    issuer_key = authority.key.public_key()
    builder = builder.issuer_name(authority.certificate.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    builder = builder.add_extension(names, critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
    builder = builder.add_extension(identifier, critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
