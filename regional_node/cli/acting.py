"""Who acts: `--as NAME --key FILE`, and the person's signature made where the command runs.

Owns the two flags and the signing. Rule: the private key is read here and never sent; the role is
the one under which the daemon knows the person, the party is the node that the daemon serves.
Leaves out what is signed: each command knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import grpc
import typer

from lpse.federation.acts import Deed, sign_act
from lpse.federation.v1.acts_pb2 import SignedAct
from lpse.intake.v1.node_pb2 import GetNodeStatusRequest
from lpse.intake.v1.node_pb2_grpc import NodeStub
from lpse.intake.v1.officers_pb2 import GetOfficerRequest, OfficerRole
from lpse.intake.v1.officers_pb2_grpc import OfficersStub
from lpse.runtime.clock import SystemClock
from lpse.runtime.tls import load_signing_key

AsOption = Annotated[str, typer.Option("--as", help="Name of the officer who acts.")]
KeyOption = Annotated[Path, typer.Option("--key", help="File of that officer's private key.")]


async def sign(
    channel: grpc.aio.Channel, *, actor: str, key: Path, act: str, digest: bytes
) -> SignedAct:
    """The officer's signature that they do `act` to the subject with `digest`, now."""
    private = load_signing_key(key)
    answer = await OfficersStub(channel).GetOfficer(GetOfficerRequest(name=f"officers/{actor}"))
    role = OfficerRole.Name(answer.officer.role).removeprefix("OFFICER_ROLE_").lower()
    node = await NodeStub(channel).GetNodeStatus(GetNodeStatusRequest())
    deed = Deed(node.node_id, act, digest)
    return sign_act(private, deed, actor=actor, role=role, at=SystemClock().wall())
