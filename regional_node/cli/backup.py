"""`lpse-node backup {create,verify,restore}`: this node's data, saved beside the running daemon.

Owns what belongs to a node's backup: database, sealed bytes, keys and configuration. Rules: the
daemon goes on, because the copy is made over a read-only connection of its own; a restore goes
into an empty folder and is marked, so that the next start opens a new epoch (Invariant 5). A backup
holds the node's private keys and is to be kept like the node itself. Leaves out what the centre's
backup has too (`lpse.terminal.backups`) and the local service with its own data.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from lpse.terminal import backups
from lpse.terminal.backups import FolderArgument, IntoOption, NewFolderArgument
from lpse.terminal.output import Output, OutputOption, note, run
from lpse.terminal.words import say
from regional_node.cli import session

if TYPE_CHECKING:
    from lpse.storage.backup_manifest import BackupManifest

app = typer.Typer(help="Backups of this node: database, sealed bytes, keys, configuration.")
app.command()(backups.verify)

SIDE: Final = backups.Side("a node", "node.db", ("node.toml", "legal-time.json"), "kept_blobs")


@app.command()
def create(
    folder: NewFolderArgument = None,
    into: IntoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Save this node into a new folder; the daemon may go on running."""
    backups.check_place(folder, into)
    backups.tell_created(*run(_create(folder, into)), output)


@app.command()
def restore(folder: FolderArgument, output: OutputOption = Output.TABLE) -> None:
    """Put a backup into an empty data folder; the next start opens a new epoch."""
    manifest = backups.restore(SIDE, folder, session.settings().data, output)
    note(say("Start the node: it opens a new epoch and gets its lost tail back from the centre."))
    backups.tell_left_out(manifest)


async def _create(folder: Path | None, into: Path | None) -> tuple[Path, BackupManifest]:
    from lpse.federation.errors import NotFound
    from regional_node import identity

    data = session.settings().data
    if not (data / SIDE.database).exists():
        raise NotFound(
            "FED-8021", f"there is no node's database in {data}", remedy="name it with --data"
        )
    party = identity.load(data / "identity").node_id
    return await backups.create(SIDE, data, party, folder, into)
