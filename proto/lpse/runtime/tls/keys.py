"""Keys and the files they live in.

Owns how private keys are made, written and read. TLS keys are ECDSA P-256 (BoringSSL takes no
Ed25519 there), signing keys are Ed25519. Rule: a private key is written once, with mode 0600,
durable before it is used, never overwritten silently and never sent. Leaves out certificates.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import KEY_FILE_BYTES_MAX

TLS_KEY: Final = "tls.key"
TLS_CERTIFICATE: Final = "tls.crt"
CA_KEY: Final = "ca.key"
CA_CERTIFICATE: Final = "ca.crt"
SIGNING_KEY: Final = "signing.key"
CENTRE_PUBLIC_KEY: Final = "centre.pub"


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


def key_id(signing_key: bytes) -> str:
    """Hex SHA-256 of a raw Ed25519 public key: what ties a certificate to an enrolment."""
    return hashlib.sha256(signing_key).hexdigest()


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
