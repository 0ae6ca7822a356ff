"""`lkpp-central backup {create,verify,restore}`: the centre's data, saved beside the daemon.

Owns what belongs to the centre's backup: database, sealed bytes and bundles, the CA with all keys,
configuration. Rules: the file `national.head` is never part of it, because it says what nodes may
have seen, and a restored centre has to find out by asking them; a restore goes into an empty
folder. A backup holds the private keys of the CA and of the national journal. Leaves out what a
node's backup has too (`lpse.terminal.backups`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from central.cli import settings
from lpse.federation.acts import CENTRE_PARTY
from lpse.terminal import backups
from lpse.terminal.backups import FolderArgument, IntoOption, NewFolderArgument
from lpse.terminal.output import Output, OutputOption, note, run
from lpse.terminal.words import say

if TYPE_CHECKING:
    from lpse.storage.backup_manifest import BackupManifest

app = typer.Typer(help="Backups of the centre: database, sealed bytes, keys, configuration.")
app.command()(backups.verify)

SIDE: Final = backups.Side("a centre", "central.db", ("central.toml", "legal-time.json"), "blobs")


@app.command()
def create(
    folder: NewFolderArgument = None,
    into: IntoOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Save the centre into a new folder; the daemon may go on running."""
    backups.check_place(folder, into)
    backups.tell_created(*run(_create(folder, into)), output)


@app.command()
def restore(folder: FolderArgument, output: OutputOption = Output.TABLE) -> None:
    """Put a backup into an empty data folder; the centre then asks its nodes what is missing."""
    manifest = backups.restore(SIDE, folder, settings.settings().data, output)
    note(say("Start the centre: it appends nothing until enough nodes have shown their heads."))
    backups.tell_left_out(manifest)


async def _create(folder: Path | None, into: Path | None) -> tuple[Path, BackupManifest]:
    from lpse.federation.errors import NotFound

    data = settings.settings().data
    if not (data / SIDE.database).exists():
        raise NotFound("FED-8020", f"there is no centre in {data}", remedy="name it with --data")
    return await backups.create(SIDE, data, CENTRE_PARTY, folder, into)
