"""`lpse-node officer {add,list,revoke}`: the persons of this node.

Rule: a key pair is made where the command runs (0600) and only its public half is registered.
Leaves out who may do what (`regional_node.officers.rules`).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpse.terminal.causes import access_text
from lpse.terminal.output import Column, Output, OutputOption, note, run, show, show_list
from lpse.terminal.plain import plain
from lpse.terminal.words import say
from regional_node.cli import session

app = typer.Typer(help="Persons of this node: admin, pokja, helpdesk, auditor.")

COLUMNS: Final = (
    Column("officer_id", "Name"),
    Column("role", "Role", say),
    Column("state", "State", access_text),
    Column("key_id", "Key"),
    Column("added_by", "Added by"),
)


class Role(StrEnum):
    """Roles as the flag names them."""

    ADMIN = "admin"
    POKJA = "pokja"
    HELPDESK = "helpdesk"
    AUDITOR = "auditor"


ActorOption = Annotated[str | None, typer.Option("--as", help="Name of the admin who signs.")]
ActorKeyOption = Annotated[
    Path | None, typer.Option("--key", help="File of that admin's private key.")
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Short name of the person: a-z, 0-9, hyphens.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    key_out: Annotated[
        Path | None, typer.Option(help="Where the person's new private key is put (0600).")
    ] = None,
    actor: ActorOption = None,
    key: ActorKeyOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a key pair for a person here and register the person at the node's daemon."""
    run(_add(name, role, key_out or Path(f"{name}.key"), (actor, key), output))


@app.command("list")
def list_officers(output: OutputOption = Output.TABLE) -> None:
    """List the persons of this node, revoked ones too."""
    run(_list(output))


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Short name of the person.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the journal.")],
    actor: ActorOption = None,
    key: ActorKeyOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a person's rights at once."""
    run(_revoke(name, reason, (actor, key), output))


async def _add(
    name: str, role: Role, key_out: Path, signer: tuple[str | None, Path | None], output: Output
) -> None:
    from lpse.intake.v1 import officers_pb2 as api
    from lpse.intake.v1.officers_pb2_grpc import OfficersStub
    from lpse.runtime.tls import public_bytes
    from regional_node.cli.acting import sign
    from regional_node.officers.rules import ADD, addition_digest

    async with session.connect() as channel:
        public = public_bytes(_key(key_out))
        request = api.AddOfficerRequest(
            officer_id=name,
            role=api.OfficerRole.Value(f"OFFICER_ROLE_{role.name}"),
            signing_key=public,
        )
        actor, key = signer
        if actor and key:
            digest = addition_digest(name, role.value, public)
            signed = await sign(channel, actor=actor, key=key, act=ADD, digest=digest)
            request.act.CopyFrom(signed)
        answer = await OfficersStub(channel).AddOfficer(request)
    note(say("The private key of {name} is in {path}; keep it.", name=name, path=key_out))
    show(_row(answer.officer), COLUMNS, output)


async def _list(output: Output) -> None:
    from lpse.intake.v1 import officers_pb2 as api
    from lpse.intake.v1.officers_pb2_grpc import OfficersStub

    officers: list[api.Officer] = []
    request = api.ListOfficersRequest()
    async with session.connect() as channel:
        while True:
            answer = await OfficersStub(channel).ListOfficers(request)
            officers.extend(answer.officers)
            if not answer.next_page_token:
                break
            request.page_token = answer.next_page_token
    show_list([_row(officer) for officer in officers], COLUMNS, output)


async def _revoke(
    name: str, reason: str, signer: tuple[str | None, Path | None], output: Output
) -> None:
    from lpse.federation.errors import Denied
    from lpse.intake.v1 import officers_pb2 as api
    from lpse.intake.v1.officers_pb2_grpc import OfficersStub
    from regional_node.cli.acting import sign
    from regional_node.officers.rules import REVOKE, revocation_digest

    actor, key = signer
    if not actor or not key:
        raise Denied("FED-3111", "an admin must sign for a revocation", remedy="--as and --key")
    async with session.connect() as channel:
        digest = revocation_digest(name, reason)
        signed = await sign(channel, actor=actor, key=key, act=REVOKE, digest=digest)
        answer = await OfficersStub(channel).RevokeOfficer(
            api.RevokeOfficerRequest(name=f"officers/{name}", reason=reason, act=signed)
        )
    show(_row(answer.officer), COLUMNS, output)


def _key(path: Path) -> Ed25519PrivateKey:
    from lpse.runtime.tls import load_signing_key, new_signing_key, private_pem, write_private

    if not path.exists():  # a repeated command uses the key it made before
        write_private(path, private_pem(new_signing_key()))
    return load_signing_key(path)


def _row(officer: object) -> dict[str, object]:
    row: dict[str, object] = plain(officer)
    row["officer_id"] = str(row["name"]).removeprefix("officers/")
    key = str(row["signing_key"])
    row["key_id"] = key[:16]
    return row
