"""`lpse-node enrol --recover`: a new machine takes the place of a lost one.

Rules: only an empty folder; the former keys that the centre names are written down before the
marker that lets the first start continue the lost journal, and every step may be repeated with the
same code. Leaves out reading the entries back, which the daemon does while it serves.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lpse.terminal.output import Output, note, show
from lpse.terminal.words import say
from regional_node.cli import session

if TYPE_CHECKING:
    from regional_node.identity import Identity
    from regional_node.recovery.client import Listed


async def recover(code: str, endpoint: str, paper: Path | None, output: Output) -> None:
    """Redeem the code, learn how the lost journal ended, and prepare the first start."""
    from lpse.federation.errors import Conflict
    from regional_node.cli import identities
    from regional_node.cli.init import prepare
    from regional_node.identity import enrol as redeem
    from regional_node.identity.history import keep_former_keys

    data, address = session.settings().data, identities.address_of(endpoint)
    if (data / "node.db").exists():
        raise Conflict(
            "FED-2410",
            f"{data} holds a journal already",
            remedy="name an empty folder with --data",
        )
    prepare(data, address)
    _take_paper(data / "identity", paper)
    identity = await redeem(address, code, data / "identity")
    identities.keep_endpoint(data, address)
    listed = await _epochs(data, identity)
    keep_former_keys(
        data / "identity",
        [one.verifier for one in listed if one.verifier.public != identity.signing_key],
    )
    _mark(data, listed)
    show(identities.row_of(identity), identities.COLUMNS, output, name="node_id")
    _tell(listed, with_code=paper is not None)


async def _epochs(data: Path, identity: Identity) -> list[Listed]:
    """What the centre holds of this node, over the certificate that was just made."""
    from lpse.federation.notes import Verifier
    from lpse.runtime import tls
    from lpse.runtime.channels import open_channel
    from regional_node.recovery.client import RecoveryClient

    own = Verifier(identity.node_id, identity.signing_key)
    place = session.settings().link.nodes or identity.endpoint
    client = RecoveryClient(
        lambda: open_channel(
            place,
            tls.client_credentials(data / "identity"),
            server_name=tls.CENTRE_SERVER_NAME,
        ),
        own,
        None,
    )
    return await client.epochs()


def _take_paper(folder: Path, paper: Path | None) -> None:
    """The recovery code on paper opens the details of submissions again."""
    from regional_node.identity.escrow import put_recovery_code

    if paper is None:
        return
    if str(paper) == "-":
        import getpass

        put_recovery_code(folder, getpass.getpass(say("Recovery code: ")))
        return
    put_recovery_code(folder, paper.read_text("utf-8"))


def _mark(data: Path, listed: list[Listed]) -> None:
    from lpse.storage.recover_marker import mark_recover

    if listed:
        mark_recover(data, listed[-1].head)


def _tell(listed: list[Listed], *, with_code: bool) -> None:
    entries = sum(one.head.size for one in listed)
    note(say("Entries of this node at the centre: {count}", count=entries))
    note(say("Start the node with: lpse-node run"))
    if entries:
        note(say("It serves at once and gets its entries back meanwhile; see lpse-node status."))
    if entries and not with_code:
        note(
            say(
                "Without the recovery code the details of submissions wait for it:"
                " lpse-node recovery-code enter"
            )
        )
