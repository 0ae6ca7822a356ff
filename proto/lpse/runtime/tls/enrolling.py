"""The caller's side of enrolment and renewal, shared by nodes and operators' machines.

Owns the order of steps: read the code, make and keep the keys, look at the server's certificates in
a bare TLS handshake, and only if the CA that the code means is among them, speak. Rule: nothing is
sent to a server that is not proven; a private key never leaves the folder; the certificate is put
in place last, so that a crash at any point is repaired by doing it again. Leaves out when to renew.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpse.federation.enrolment_code import (
    EnrolmentCode,
    code_proof,
    enrolment_statement,
    parse_code,
    proof_key,
    renewal_statement,
)
from lpse.federation.errors import Conflict, Denied, Refused, Unavailable
from lpse.federation.limits import (
    CHAIN_CERTIFICATES_MAX,
    ENROLMENT_CALL_SECONDS_MAX,
    HANDSHAKE_SECONDS_MAX,
    RENEWAL_NONCE_BYTES,
)
from lpse.federation.v1.enrolment_pb2 import EnrolRequest, EnrolResponse, RenewRequest
from lpse.federation.v1.enrolment_pb2_grpc import EnrolmentStub
from lpse.runtime.channels import error_from, open_channel, subject_of
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.tls.certificates import (
    CENTRE_SERVER_NAME,
    certificate_from,
    fingerprint,
    load_certificate,
    make_request,
    pem,
)
from lpse.runtime.tls.credentials import pinned_credentials
from lpse.runtime.tls.keys import (
    CA_CERTIFICATE,
    CENTRE_PUBLIC_KEY,
    SIGNING_KEY,
    TLS_CERTIFICATE,
    TLS_KEY,
    load_signing_key,
    load_tls_key,
    new_signing_key,
    new_tls_key,
    private_pem,
    public_bytes,
    read_limited,
    write_private,
    write_public,
)

if TYPE_CHECKING:
    from lpse.federation.v1.enrolment_pb2_grpc import EnrolmentAsyncStub  # exists in the stubs only

ENROLLED: Final = "enrolled.json"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the centre said at enrolment; `endpoint` is the mTLS listener for this subject."""

    kind: str
    subject: str
    province: str
    zone: str
    role: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The two private keys of an identity folder."""

    tls: ec.EllipticCurvePrivateKey
    signing: Ed25519PrivateKey


async def enrol(endpoint: str, code_text: str, folder: Path, *, kind: str) -> Enrolled:
    """Redeem a code at `endpoint` (host:port) into `folder`; repeating it is harmless.

    Errors: FED-3014 no code, FED-3016 a code for another kind, FED-3017 another centre is pinned
    here, FED-3020 the server is not the code's centre (nothing was sent), and the centre's own.
    """
    code = parse_code(code_text)
    if code.kind != kind:
        raise Refused("FED-3016", f"this code enrols one {code.kind}, not one {kind}")
    authority = _matching(await server_chain(endpoint), code)
    _refuse_other_centre(folder, authority)
    keys = ensure_keys(folder)
    async with _service(endpoint, pem(authority)) as service:
        answer = await service.Enrol(_request(code, keys), timeout=ENROLMENT_CALL_SECONDS_MAX)
    return _accept(answer, authority, keys, kind, folder)


async def renew(endpoint: str, folder: Path, clock: Clock, entropy: Entropy) -> x509.Certificate:
    """A new certificate for the same keys, by signature, also when the old one has expired."""
    facts, authority = read_enrolled(folder), load_certificate(folder / CA_CERTIFICATE)
    keys = Keys(load_tls_key(folder / TLS_KEY), load_signing_key(folder / SIGNING_KEY))
    request = RenewRequest(
        subject=facts.subject,
        subject_kind=facts.kind,
        certificate_request=make_request(keys.tls),
        nonce=entropy.token(RENEWAL_NONCE_BYTES),
    )
    request.request_time.FromDatetime(clock.wall())
    request.possession_proof = keys.signing.sign(renewal_statement(request))
    async with _service(endpoint, pem(authority)) as service:
        answer = await service.Renew(request, timeout=ENROLMENT_CALL_SECONDS_MAX)
    certificate = _checked(answer.certificate, authority, keys, (facts.kind, facts.subject))
    write_public(folder / TLS_CERTIFICATE, pem(certificate))
    return certificate


def ensure_keys(folder: Path) -> Keys:
    """The keys of a folder, made on this machine where they do not exist yet; durable."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / TLS_KEY).exists():
        write_private(folder / TLS_KEY, private_pem(new_tls_key()))
    if not (folder / SIGNING_KEY).exists():
        write_private(folder / SIGNING_KEY, private_pem(new_signing_key()))
    return Keys(load_tls_key(folder / TLS_KEY), load_signing_key(folder / SIGNING_KEY))


def is_enrolled(folder: Path) -> bool:
    """Whether enrolment has finished here; an expired certificate counts, it can be renewed."""
    return (folder / TLS_CERTIFICATE).exists()


def read_enrolled(folder: Path) -> Enrolled:
    """What enrolment left here; Refused (FED-3018) before enrolment."""
    if not is_enrolled(folder):
        raise Refused("FED-3018", "this machine is not enrolled", remedy="enrol it with a code")
    try:
        return Enrolled(**json.loads(read_limited(folder / ENROLLED)))
    except (TypeError, ValueError) as error:
        raise Refused("FED-3012", f"{ENROLLED} cannot be read") from error


def read_centre_key(folder: Path) -> bytes:
    """The pinned Ed25519 public key of the centre, 32 bytes."""
    try:
        key = bytes.fromhex(read_limited(folder / CENTRE_PUBLIC_KEY).decode("ascii").strip())
    except ValueError as error:
        raise Refused("FED-3012", f"{CENTRE_PUBLIC_KEY} holds no key") from error
    if len(key) != 32:
        raise Refused("FED-3012", f"{CENTRE_PUBLIC_KEY} holds no key")
    return key


async def server_chain(endpoint: str) -> list[x509.Certificate]:
    """The certificates a server shows, unverified; nothing but the TLS handshake is sent."""
    host, port = split_endpoint(endpoint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # who it is gets decided by the code's fingerprint
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS_MAX):
            _, writer = await asyncio.open_connection(
                host, port, ssl=context, server_hostname=CENTRE_SERVER_NAME
            )
    except (OSError, TimeoutError) as error:
        raise Unavailable(
            "FED-3019", f"no TLS server answers at {endpoint}", remedy="check the address and link"
        ) from error
    try:
        ders = _chain_of(writer.get_extra_info("ssl_object"))
    finally:
        writer.transport.abort()
    return _parsed(ders)


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """host:port, with brackets around IPv6; Refused (FED-3021) for anything else."""
    host, colon, port = endpoint.rpartition(":")
    malformed = not colon or not host or "/" in host or endpoint != endpoint.strip()
    if malformed or not (port.isascii() and port.isdigit() and 0 < int(port) <= 65_535):
        raise Refused("FED-3021", f"{endpoint!r} is no host:port", remedy="for example pusat:7444")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _chain_of(tls: Any) -> Sequence[bytes]:
    # Public since Python 3.13; the same call existed before without a public name. A dependency
    # (pyOpenSSL) for this one read would bring a second TLS stack, so a test pins this instead.
    if hasattr(tls, "get_unverified_chain"):
        shown: Sequence[bytes] = tls.get_unverified_chain()
        return shown
    found = tls._sslobj.get_unverified_chain() or ()
    return [certificate.public_bytes(ssl._ssl.ENCODING_DER) for certificate in found]  # type: ignore[attr-defined]  # as above


def _parsed(ders: Sequence[bytes]) -> list[x509.Certificate]:
    if len(ders) > CHAIN_CERTIFICATES_MAX:
        raise Refused("FED-3020", "the server shows too many certificates")
    try:
        return [x509.load_der_x509_certificate(der) for der in ders]
    except ValueError as error:
        raise Refused("FED-3020", "the server shows a malformed certificate") from error


def _matching(chain: Sequence[x509.Certificate], code: EnrolmentCode) -> x509.Certificate:
    for certificate in chain:
        if code.is_for(fingerprint(certificate)):
            return certificate
    raise Denied(
        "FED-3020",
        "the server at this address is not the centre that made the code; nothing was sent to it",
        remedy="check the address; if it is right, somebody is between you and the centre",
    )


def _refuse_other_centre(folder: Path, authority: x509.Certificate) -> None:
    path = folder / CA_CERTIFICATE
    if path.exists() and fingerprint(load_certificate(path)) != fingerprint(authority):
        raise Conflict(
            "FED-3017",
            "this folder belongs to another centre",
            remedy="enrol into an empty data folder",
        )


def _request(code: EnrolmentCode, keys: Keys) -> EnrolRequest:
    request = EnrolRequest(
        code_id=code.code_id,
        certificate_request=make_request(keys.tls),
        signing_key=public_bytes(keys.signing),
    )
    request.code_proof = code_proof(proof_key(code.code_id, code.secret), request)
    request.possession_proof = keys.signing.sign(enrolment_statement(request))
    return request


@asynccontextmanager
async def _service(endpoint: str, ca_pem: bytes) -> AsyncIterator[EnrolmentAsyncStub]:
    split_endpoint(endpoint)
    credentials = pinned_credentials(ca_pem)
    async with open_channel(endpoint, credentials, server_name=CENTRE_SERVER_NAME) as channel:
        try:
            yield EnrolmentStub(channel)
        except grpc.aio.AioRpcError as error:
            raise error_from(error) from error


def _accept(
    answer: EnrolResponse, authority: x509.Certificate, keys: Keys, kind: str, folder: Path
) -> Enrolled:
    certificate = _checked(answer.certificate, authority, keys, (kind, answer.subject))
    if len(answer.centre_signing_key) != 32:
        raise Refused("FED-3022", "the centre's answer lacks its signing key")
    facts = Enrolled(
        kind, answer.subject, answer.province, answer.zone, answer.role, answer.endpoint
    )
    write_public(folder / CA_CERTIFICATE, pem(authority))
    write_public(folder / CENTRE_PUBLIC_KEY, answer.centre_signing_key.hex().encode() + b"\n")
    write_public(folder / ENROLLED, json.dumps(asdict(facts), indent=1).encode("utf-8"))
    write_public(folder / TLS_CERTIFICATE, pem(certificate))  # last: from here on it is enrolled
    return facts


def _checked(
    data: bytes, authority: x509.Certificate, keys: Keys, subject: tuple[str, str]
) -> x509.Certificate:
    """The centre's answer, believed only if it fits our key, its CA and the subject."""
    certificate = certificate_from(data)
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise Refused("FED-3022", "the certificate is not of the pinned CA") from error
    named = subject_of(certificate)
    if certificate.public_key() != keys.tls.public_key() or (named.kind, named.name) != subject:
        raise Refused("FED-3022", "the certificate is for another key or subject")
    return certificate
