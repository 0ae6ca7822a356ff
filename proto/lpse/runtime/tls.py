"""Keys and certificates: how they are made, kept on disk, pinned, and handed to gRPC.

Owns the private CA's forms, requests, the files of an identity folder and gRPC's credentials. TLS
keys are ECDSA P-256 (BoringSSL takes no Ed25519 there), signing keys are Ed25519. Rule: a private
key is written once, with mode 0600, durable before it is used, never overwritten silently and
never sent. A certificate names its subject in one URI (`lpse://node/…`) and the digest of the
enrolled signing key in its serialNumber. Leaves out who may have a certificate (enrolment).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import (
    CERTIFICATE_BACKDATE_SECONDS,
    CERTIFICATE_REQUEST_BYTES_MAX,
    KEY_FILE_BYTES_MAX,
)

CENTRE_SERVER_NAME: Final = "lkpp-central"

TLS_KEY: Final = "tls.key"
TLS_CERTIFICATE: Final = "tls.crt"
CA_KEY: Final = "ca.key"
CA_CERTIFICATE: Final = "ca.crt"
SIGNING_KEY: Final = "signing.key"
CENTRE_PUBLIC_KEY: Final = "centre.pub"


@dataclass(frozen=True, slots=True)
class Authority:
    """A private CA: its certificate and the key that issues."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


# --- files -----------------------------------------------------------------------------------


def write_private(path: Path, data: bytes) -> None:
    """Put a private file in place, 0600 and durable; Conflict (FED-3011) if other bytes exist."""
    if path.exists():
        if path.read_bytes() == data:
            return
        raise Conflict("FED-3011", f"{path.name} exists and is not overwritten")
    _place(path, data, 0o600, replace=False)


def write_public(path: Path, data: bytes) -> None:
    """Put or replace a certificate or public key, durable; a reader sees the old or the new."""
    _place(path, data, 0o644, replace=True)


def read_limited(path: Path) -> bytes:
    """A key or certificate file; Refused (FED-3012) when it is missing or absurdly large."""
    try:
        with path.open("rb") as file:
            data = file.read(KEY_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Refused(
            "FED-3012", f"{path.name} cannot be read", remedy=f"look at {path}"
        ) from error
    if len(data) > KEY_FILE_BYTES_MAX:
        raise Refused("FED-3012", f"{path.name} is no key and no certificate")
    return data


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 key in a file; Refused (FED-3012) for anything else."""
    key = _load_key(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused("FED-3012", f"{path.name} holds no Ed25519 key")
    return key


def load_tls_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The ECDSA key in a file; Refused (FED-3012) for anything else."""
    key = _load_key(path)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Refused("FED-3012", f"{path.name} holds no ECDSA key")
    return key


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


# --- keys and certificates -------------------------------------------------------------------


def new_tls_key() -> ec.EllipticCurvePrivateKey:
    """A fresh P-256 key; the randomness is OpenSSL's own, never the seeded one."""
    return ec.generate_private_key(ec.SECP256R1())


def new_signing_key() -> Ed25519PrivateKey:
    """A fresh Ed25519 key; the randomness is OpenSSL's own, never the seeded one."""
    return Ed25519PrivateKey.generate()


def private_pem(key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey) -> bytes:
    """PKCS#8 in PEM without a passphrase; the file mode protects it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public half."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM)


def fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the certificate's DER, 32 bytes."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()


def key_id(signing_key: bytes) -> str:
    """Hex SHA-256 of a raw Ed25519 public key: what ties a certificate to an enrolment."""
    return hashlib.sha256(signing_key).hexdigest()


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


# --- gRPC ------------------------------------------------------------------------------------


def server_credentials(folder: Path, *, clients: bool) -> grpc.ServerCredentials:
    """The centre's listener from its identity folder; `clients` demands certificates of our CA.

    The CA is sent in the chain, so that a stranger with an enrolment code can compare it.
    """
    authority = read_limited(folder / CA_CERTIFICATE)
    chain = read_limited(folder / TLS_CERTIFICATE) + authority
    pair = (read_limited(folder / TLS_KEY), chain)
    if not clients:
        return grpc.ssl_server_credentials([pair])
    return grpc.ssl_server_credentials([pair], authority, require_client_auth=True)


def client_credentials(folder: Path) -> grpc.ChannelCredentials:
    """mTLS from an identity folder, trusting the pinned CA alone."""
    return grpc.ssl_channel_credentials(
        root_certificates=read_limited(folder / CA_CERTIFICATE),
        private_key=read_limited(folder / TLS_KEY),
        certificate_chain=read_limited(folder / TLS_CERTIFICATE),
    )


def pinned_credentials(ca_pem: bytes) -> grpc.ChannelCredentials:
    """TLS without a client certificate (enrolment, renewal), trusting one CA alone."""
    return grpc.ssl_channel_credentials(root_certificates=ca_pem)


# --- inside ----------------------------------------------------------------------------------


def _place(path: Path, data: bytes, mode: int, *, replace: bool) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)  # left by a crash
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), mode)  # whatever the umask says
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if replace:
        draft.replace(path)
    else:
        try:
            path.hardlink_to(draft)  # unlike rename, this fails when the name was taken meanwhile
        except FileExistsError as error:
            raise Conflict("FED-3011", f"{path.name} exists and is not overwritten") from error
        finally:
            draft.unlink(missing_ok=True)
    _fsync_folder(path.parent)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load_key(path: Path) -> object:
    try:
        return load_pem_private_key(read_limited(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Refused("FED-3012", f"{path.name} holds no usable private key") from error


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
