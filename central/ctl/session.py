"""Contexts of an operator's machine, and the mTLS channel that the chosen one opens.

Owns `$LKPPCTL_HOME` (default `~/.config/lkppctl`): one folder per context with keys (0600),
certificate, CA and `context.json`, and the file `current`. Rule: a private key never leaves its
folder; errors of calls come out as FederationError. Leaves out how a context comes to be.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import grpc

from lpse.federation.acts import CENTRE_PARTY, Deed, sign_act
from lpse.federation.errors import NotFound, Refused, Unavailable
from lpse.federation.notes import Verifier
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.runtime.channels import error_from, open_channel
from lpse.runtime.clock import SystemClock, SystemEntropy
from lpse.runtime.tls import (
    CENTRE_PUBLIC_KEY,
    CENTRE_SERVER_NAME,
    SIGNING_KEY,
    TLS_CERTIFICATE,
    client_credentials,
    load_certificate,
    load_signing_key,
    write_public,
)
from lpse.runtime.tls.enrolling import renew

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_chosen: dict[str, str | None] = {"context": None}


@dataclass(frozen=True, slots=True)
class Context:
    """Who this machine is for one centre, and where that centre is."""

    name: str
    operator: str
    role: str
    endpoint: str
    enrolment: str


@dataclass(frozen=True, slots=True)
class Session:
    """An open channel, and the person who uses it."""

    context: Context
    channel: grpc.aio.Channel

    def sign(self, act: str, digest: bytes) -> SignedAct:
        """The person's signature that they do `act` to the subject with `digest`, now."""
        return sign_act(
            load_signing_key(folder(self.context.name) / SIGNING_KEY),
            Deed(CENTRE_PARTY, act, digest),
            actor=self.context.operator,
            role=self.context.role,
            at=SystemClock().wall(),
        )


def choose(context: str | None) -> None:
    """Remember the flag `--context`, which every command shares."""
    _chosen["context"] = context


def home() -> Path:
    """Where contexts are kept."""
    if named := os.environ.get("LKPPCTL_HOME"):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "lkppctl"


def folder(name: str) -> Path:
    """The folder of one context; Refused (FED-8017) for a name that is no plain name."""
    if not _NAME.fullmatch(name):
        raise Refused("FED-8017", f"{name!r} is no name for a context")
    return home() / "contexts" / name


def names() -> list[str]:
    """Every stored context, in order; a folder whose enrolment did not finish is none."""
    return sorted(path.parent.name for path in (home() / "contexts").glob("*/context.json"))


def current_name() -> str:
    """The context in use; NotFound (FED-8012) where none was chosen."""
    name = _chosen["context"] or os.environ.get("LKPPCTL_CONTEXT") or _stored_name()
    if not name:
        raise NotFound(
            "FED-8012",
            "no context is chosen",
            remedy="`lkppctl context create …` with your invitation, or `lkppctl context use NAME`",
        )
    return name


def read(name: str) -> Context:
    """A stored context; NotFound (FED-8012) where there is none of that name."""
    path = folder(name) / "context.json"
    try:
        return Context(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise NotFound("FED-8012", f"there is no context {name}") from error
    except (OSError, TypeError, ValueError) as error:
        raise Refused("FED-8016", f"{path} cannot be read") from error


def pinned_key() -> Verifier | None:
    """The centre's key as it was when the context in use was made; None without a context."""
    try:
        path = folder(current_name()) / CENTRE_PUBLIC_KEY
        return Verifier(CENTRE_PARTY, bytes.fromhex(path.read_text("ascii")))
    except (NotFound, FileNotFoundError):
        return None
    except (OSError, ValueError) as error:
        raise Refused("FED-8016", "the pinned key of the centre cannot be read") from error


def store(context: Context) -> None:
    """Keep a context whose keys and certificate are in place."""
    write_public(folder(context.name) / "context.json", json.dumps(asdict(context)).encode())


def use(name: str) -> None:
    """Make a stored context the current one."""
    read(name)
    write_public(home() / "current", f"{name}\n".encode())


@asynccontextmanager
async def connect() -> AsyncIterator[Session]:
    """An mTLS channel to the operators' listener of the current context."""
    context = read(current_name())
    await _renew_if_due(context)
    credentials = client_credentials(folder(context.name))
    async with open_channel(
        context.endpoint, credentials, server_name=CENTRE_SERVER_NAME
    ) as channel:
        try:
            yield Session(context, channel)
        except grpc.aio.AioRpcError as error:
            raise error_from(error) from error


async def _renew_if_due(context: Context) -> None:
    """At two thirds of the certificate's life; while the old one is valid, a failure may wait."""
    path = folder(context.name)
    certificate = load_certificate(path / TLS_CERTIFICATE)
    now, end = SystemClock().wall(), certificate.not_valid_after_utc
    if now < end - (end - certificate.not_valid_before_utc) / 3:
        return
    try:
        await renew(context.enrolment, path, SystemClock(), SystemEntropy())
    except Unavailable:
        if now >= end:
            raise


def _stored_name() -> str:
    try:
        return (home() / "current").read_text("utf-8").strip()
    except OSError:
        return ""


def has_current() -> bool:
    """Whether a context was chosen before."""
    return bool(_stored_name())


def is_current(name: str) -> bool:
    """Whether commands use this context now."""
    return name == (_chosen["context"] or os.environ.get("LKPPCTL_CONTEXT") or _stored_name())
