"""Who this node is: its keys, its certificate, and keeping the certificate alive.

Owns the identity folder of a node. Keys are made here and never leave. The steps of enrolment are
shared with operators' machines (`lpse.runtime.tls.enrolling`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lpse.runtime.tls import SIGNING_KEY, key_id, load_signing_key, public_bytes
from lpse.runtime.tls.enrolling import enrol as enrol_subject
from lpse.runtime.tls.enrolling import read_centre_key, read_enrolled


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled node; `endpoint` is where its link goes, keys are public halves."""

    node_id: str
    province: str
    zone: str
    endpoint: str
    signing_key: bytes
    centre_signing_key: bytes

    @property
    def key_id(self) -> str:
        """Hex SHA-256 of the node's own signing key."""
        return key_id(self.signing_key)


async def enrol(endpoint: str, code: str, folder: Path) -> Identity:
    """Enrol this machine as the node of `code`; repeating it with the same keys is harmless."""
    await enrol_subject(endpoint, code, folder, kind="node")
    return load(folder)


def load(folder: Path) -> Identity:
    """The identity kept in `folder`; Refused (FED-3018) before enrolment."""
    facts = read_enrolled(folder)
    return Identity(
        facts.subject,
        facts.province,
        facts.zone,
        facts.endpoint,
        public_bytes(load_signing_key(folder / SIGNING_KEY)),
        read_centre_key(folder),
    )
