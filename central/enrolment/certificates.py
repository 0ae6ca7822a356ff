"""What the private CA issues, and what the centre tells of itself.

Owns the lives of certificates and the facts that enrolment answers with. Rule: only this module
holds the CA's key, and it issues only for a subject and key that the store has bound. Leaves out
the form of certificates (`lpse.runtime.tls`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from lpse.federation.limits import CLIENT_CERTIFICATE_SECONDS, CODE_SECONDS
from lpse.runtime.tls import Authority, fingerprint, issue_client, pem, read_request


@dataclass(frozen=True, slots=True)
class CentreFacts:
    """What others must know of the centre; endpoints are host:port as others reach them."""

    ca_certificate: bytes
    ca_fingerprint: bytes
    signing_key: bytes
    nodes_endpoint: str
    operators_endpoint: str
    enrolment_endpoint: str
    code_seconds: int = CODE_SECONDS


class Issuer:
    """The CA at work; lives are in seconds."""

    def __init__(
        self,
        authority: Authority,
        *,
        node_seconds: int = CLIENT_CERTIFICATE_SECONDS,
        operator_seconds: int = CLIENT_CERTIFICATE_SECONDS,
    ) -> None:
        self._authority = authority
        self._seconds = {"node": node_seconds, "operator": operator_seconds}

    def expire_time(self, kind: str, now: datetime) -> datetime:
        """When a certificate issued now ends."""
        return now + timedelta(seconds=self._seconds[kind])

    def issue(
        self, subject: tuple[str, str], request: bytes, signing_key: bytes, now: datetime
    ) -> bytes:
        """A certificate in PEM for (kind, name), tied to the bound signing key."""
        validity = (now, timedelta(seconds=self._seconds[subject[0]]))
        return pem(
            issue_client(self._authority, read_request(request), subject, signing_key, validity)
        )

    def facts(
        self, signing_key: bytes, endpoints: tuple[str, str, str], code_seconds: int = CODE_SECONDS
    ) -> CentreFacts:
        """The centre's facts; endpoints of (nodes, operators, enrolment)."""
        certificate: x509.Certificate = self._authority.certificate
        return CentreFacts(
            pem(certificate), fingerprint(certificate), signing_key, *endpoints, code_seconds
        )
