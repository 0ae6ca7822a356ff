"""`lpse-node backup {create,verify,restore}`: this node's data, saved beside the running daemon.

Owns what belongs to a node's backup: database, sealed bytes, keys and configuration. Rules: the
daemon goes on, because the copy is made over a read-only connection of its own; a restore goes
into an empty folder and is marked, so that the next start opens a new epoch (Invariant 5). A backup
holds the node's private keys and is to be kept like the node itself. Leaves out the form of a
backup (`lpse.storage.backup`) and the local service with its own data.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lpse.terminal.output import Column, Output, OutputOption, fail, note, run, show
from lpse.terminal.words import say, size_text, when
from regional_node.cli import session

if TYPE_CHECKING:
    from lpse.storage.backup import BackupManifest

app = typer.Typer(help="Backups of this node: database, sealed bytes, keys, configuration.")

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the backup.")]
COLUMNS: Final = (
    Column("name", "Folder"),
    Column("party", "Party"),
    Column("create_time", "Made", when("UTC")),
    Column("files", "Files", right=True),
    Column("bytes", "Size", size_text, right=True),
)
_CONFIGURATION: Final = ("node.toml", "legal-time.json")
_FOLDERS: Final = ("identity", "conf.d")


@app.command()
def create(
    folder: Annotated[Path | None, typer.Argument(help="Folder of the backup.")] = None,
    into: Annotated[
        Path | None, typer.Option(help="Parent folder; the backup gets a dated name in it.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Save this node into a new folder; the daemon may go on running."""
    if (folder is None) == (into is None):
        raise typer.BadParameter(say("name a folder, or a parent folder with --into"))
    place, manifest = run(_create(folder, into))
    show(_row(place, manifest), COLUMNS, output)
    note(say("It holds the private keys: keep it as safe as the machine itself."))


@app.command()
def verify(folder: FolderArgument, output: OutputOption = Output.TABLE) -> None:
    """Check every digest and every database of a backup; nothing is changed."""
    from lpse.federation.errors import FederationError
    from lpse.storage.backup import verify_backup

    try:
        manifest = verify_backup(folder)
    except FederationError as error:
        fail(error)
    show(_row(folder, manifest), COLUMNS, output)


@app.command()
def restore(folder: FolderArgument, output: OutputOption = Output.TABLE) -> None:
    """Put a backup into an empty data folder; the next start opens a new epoch."""
    from lpse.federation.errors import FederationError, Refused
    from lpse.storage.backup import read_manifest, restore_backup

    data = session.settings().data
    try:
        if all(file.path != "node.db" for file in read_manifest(folder).files):
            raise Refused("FED-8022", "this is not a backup of a node")
        manifest = restore_backup(folder, data)
    except FederationError as error:
        fail(error)
    show(_row(data, manifest), COLUMNS, output)
    note(say("Start the node: it opens a new epoch and gets its lost tail back from the centre."))
    note(say("The files belong to the user who ran this; the daemon's user must own them."))


async def _create(folder: Path | None, into: Path | None) -> tuple[Path, BackupManifest]:
    from lpse.federation.errors import NotFound
    from lpse.runtime.clock import SystemClock
    from lpse.runtime.sqlite import LiveDatabase
    from lpse.storage.backup import BackupSources, create_backup
    from regional_node import identity

    data = session.settings().data
    database = data / "node.db"
    if not database.exists():
        raise NotFound(
            "FED-8021", f"there is no node's database in {data}", remedy="name it with --data"
        )
    party = identity.load(data / "identity").node_id
    files = {path.relative_to(data).as_posix(): path for path in _files(data)}
    sources = BackupSources({"node.db": LiveDatabase(database)}, ("blobs", data / "blobs"), files)
    now = SystemClock().wall()
    place = folder or Path(into or "", f"{party}-{now:%Y%m%dT%H%M%SZ}")
    return place, await create_backup(sources, place, party=party, now=now)


def _files(data: Path) -> list[Path]:
    listed = [data / name for name in _CONFIGURATION]
    for name in _FOLDERS:
        listed += sorted((data / name).rglob("*"))
    return [path for path in listed if path.is_file() and not path.is_symlink()]


def _row(folder: Path, manifest: BackupManifest) -> dict[str, object]:
    return {
        "name": str(folder),
        "party": manifest.party,
        "create_time": manifest.create_time,
        "files": len(manifest.files),
        "bytes": sum(file.size for file in manifest.files),
    }
