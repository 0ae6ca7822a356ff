"""What `lkpp-central init` does: a centre comes into being.

Owns the order: keys and CA, database, invitations of the first persons, and last the configuration
file, whose presence says that the centre exists. Rules: interrupted, it is finished by doing it
again (keys that exist are kept); finished, it is refused. At least one operator and one approver
are invited, since no person may make the second one alone. Leaves out serving.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from google.protobuf.message import Message

from central.enrolment.certificates import CentreFacts, Issuer
from central.enrolment.codes import Codes
from central.enrolment.rules import Code
from central.enrolment.store import EnrolmentStore
from central.operators.rules import APPROVER, OPERATOR, ROLES
from central.operators.store import OperatorStore
from lpse.federation.errors import Conflict, Refused
from lpse.federation.limits import AUTHORITY_DAYS, SERVER_CERTIFICATE_DAYS
from lpse.federation.persons import check_person_name
from lpse.runtime.clock import Clock, Entropy
from lpse.runtime.sqlite import Database, Transaction
from lpse.runtime.tls import (
    CA_CERTIFICATE,
    CA_KEY,
    CENTRE_PUBLIC_KEY,
    SIGNING_KEY,
    TLS_CERTIFICATE,
    TLS_KEY,
    issue_server,
    load_authority,
    load_signing_key,
    load_tls_key,
    make_authority,
    new_signing_key,
    new_tls_key,
    pem,
    private_pem,
    public_bytes,
    write_private,
    write_public,
)

CONFIGURATION: Final = "central.toml"
DATABASE: Final = "central.db"
IDENTITY: Final = "identity"
MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"

_TEMPLATE: Final = """\
# The centre (LKPP). Every key may also be set by environment: LKPP_CENTRAL__LISTEN__NODES=…
# `lkpp-central config show --origin` prints what is in force and where it comes from.

# Folder of the database, keys and files.
data = {data}

# "production", or "exercise": legal time can be stepped from outside, and all output is marked.
environment = "{environment}"

[listen]
# Links of nodes: TLS, both sides show certificates.
nodes = "{listen_host}:{ports[0]}"
# Enrolment and renewal: TLS, the caller shows no certificate.
enrolment = "{listen_host}:{ports[1]}"
# lkppctl: TLS, both sides show certificates.
operators = "{listen_host}:{ports[2]}"
# /livez and /readyz; keep it on loopback.
http = "127.0.0.1:{ports[3]}"

[public]
# How others reach the three listeners; codes and answers of enrolment carry these.
nodes = "{public_host}:{ports[0]}"
enrolment = "{public_host}:{ports[1]}"
operators = "{public_host}:{ports[2]}"

[certificates]
# Life of certificates, in seconds; they are renewed by themselves at two thirds of it.
# node_seconds = 7776000
# operator_seconds = 2592000
# Life of an unused enrolment code, in seconds (72 hours).
# code_seconds = 259200

[log]
# "DEBUG", "INFO", "WARNING" or "ERROR"
level = "INFO"
"""


@dataclass(frozen=True, slots=True)
class Founding:
    """What to make: `persons` are (name, role), `ports` of nodes, enrolment, operators and http."""

    data: Path
    persons: Sequence[tuple[str, str]]
    public_host: str = "localhost"
    listen_host: str = "0.0.0.0"  # noqa: S104 - nodes come from everywhere; mTLS is the protection
    ports: tuple[int, int, int, int] = (7443, 7444, 7445, 7480)
    environment: str = "production"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A first person's code, shown once."""

    code: Code
    text: str
    endpoint: str


async def initialise(founding: Founding, clock: Clock, entropy: Entropy) -> list[Invitation]:
    """Make the centre of `founding`; Conflict (FED-3024) where one exists already."""
    _check(founding)
    identity = founding.data / IDENTITY
    founding.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity.mkdir(mode=0o700, exist_ok=True)
    _make_identity(identity, clock)
    database = await Database.open(founding.data / DATABASE, MIGRATIONS, readers=1)
    try:
        invitations = await _invite(founding, database, clock, entropy)
    finally:
        await database.close()
    write_public(founding.data / CONFIGURATION, configuration(founding).encode("utf-8"))
    return invitations


def configuration(founding: Founding) -> str:
    """The commented TOML file of a new centre."""
    return _TEMPLATE.format(
        data=_quoted(str(founding.data.absolute())),
        environment=founding.environment,
        listen_host=founding.listen_host,
        public_host=founding.public_host,
        ports=founding.ports,
    )


def centre_facts(identity: Path, endpoints: tuple[str, str, str], code_seconds: int) -> CentreFacts:
    """The facts of an existing centre; endpoints of (nodes, operators, enrolment)."""
    key = public_bytes(load_signing_key(identity / SIGNING_KEY))
    return Issuer(load_authority(identity)).facts(key, endpoints, code_seconds)


def _check(founding: Founding) -> None:
    if (founding.data / CONFIGURATION).exists():
        raise Conflict(
            "FED-3024",
            f"{founding.data} holds a centre already",
            remedy="choose an empty folder; invite persons with `lkppctl operator add`",
        )
    if founding.environment not in ("production", "exercise"):
        raise Refused("FED-3033", f"{founding.environment!r} is neither production nor exercise")
    names = [name for name, _ in founding.persons]
    for name, role in founding.persons:
        check_person_name(name)
        if role not in ROLES:
            raise Refused("FED-3033", f"{role!r} is no role", remedy=f"one of {', '.join(ROLES)}")
    if len(set(names)) != len(names) or not {OPERATOR, APPROVER} <= {
        r for _, r in founding.persons
    }:
        raise Refused(
            "FED-3033",
            "a centre begins with at least one operator and one approver, different persons",
        )


def _make_identity(identity: Path, clock: Clock) -> None:
    now = clock.wall()
    for name, make in ((SIGNING_KEY, new_signing_key), (TLS_KEY, new_tls_key)):
        if not (identity / name).exists():
            write_private(identity / name, private_pem(make()))
    if not (identity / CA_CERTIFICATE).exists():
        # The certificate follows its key; a key without one was left by a crash and used nowhere.
        (identity / CA_KEY).unlink(missing_ok=True)
        authority = make_authority("LKPP federation CA", now, AUTHORITY_DAYS)
        write_private(identity / CA_KEY, private_pem(authority.key))
        write_public(identity / CA_CERTIFICATE, pem(authority.certificate))
    authority = load_authority(identity)
    tls_key = load_tls_key(identity / TLS_KEY)
    certificate = issue_server(authority, tls_key.public_key(), now, SERVER_CERTIFICATE_DAYS)
    write_public(identity / TLS_CERTIFICATE, pem(certificate))
    key = public_bytes(load_signing_key(identity / SIGNING_KEY))
    write_public(identity / CENTRE_PUBLIC_KEY, key.hex().encode() + b"\n")


async def _invite(
    founding: Founding, database: Database, clock: Clock, entropy: Entropy
) -> list[Invitation]:
    nodes, enrolment, operators = (f"{founding.public_host}:{port}" for port in founding.ports[:3])
    facts = Issuer(load_authority(founding.data / IDENTITY)).facts(
        b"", (nodes, operators, enrolment)
    )
    store = EnrolmentStore(database, _nothing_to_tell, OperatorStore(database, _nothing_to_tell))
    codes = Codes(store, facts, clock, entropy)
    made = []
    for name, role in founding.persons:
        code, text = await codes.create(("operator", name), role=role, created_by="")
        made.append(Invitation(code, text, enrolment))
    return made


def _nothing_to_tell(tx: Transaction, record: Message) -> NoReturn:
    raise AssertionError("an invitation is told to nobody before it is redeemed")


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
