"""`lkpp-central backup {create,verify,restore}`: the centre's data, saved beside the daemon.

Owns what belongs to the centre's backup: database, sealed bytes and bundles, the CA with all keys,
configuration. Rules: the file `national.head` is never part of it, because it says what nodes may
have seen, and a restored centre has to find out by asking them; a restore goes into an empty
folder. A backup holds the private keys of the CA and of the national journal. Leaves out the form
of a backup (`lpse.storage.backup`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from central.cli import settings
from lpse.terminal.output import Column, Output, OutputOption, fail, note, run, show
from lpse.terminal.words import say, size_text, when

if TYPE_CHECKING:
    from lpse.storage.backup import BackupManifest

app = typer.Typer(help="Backups of the centre: database, sealed bytes, keys, configuration.")

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the backup.")]
COLUMNS: Final = (
    Column("name", "Folder"),
    Column("party", "Party"),
    Column("create_time", "Made", when("UTC")),
    Column("files", "Files", right=True),
    Column("bytes", "Size", size_text, right=True),
)
PARTY: Final = "lkpp"
_CONFIGURATION: Final = ("central.toml", "legal-time.json")
_FOLDERS: Final = ("identity", "conf.d")


@app.command()
def create(
    folder: Annotated[Path | None, typer.Argument(help="Folder of the backup.")] = None,
    into: Annotated[
        Path | None, typer.Option(help="Parent folder; the backup gets a dated name in it.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Save the centre into a new folder; the daemon may go on running."""
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
    """Put a backup into an empty data folder; the centre then asks its nodes what is missing."""
    from central.enrolment.genesis import DATABASE
    from lpse.federation.errors import FederationError, Refused
    from lpse.storage.backup import read_manifest, restore_backup

    data = settings.settings().data
    try:
        if all(file.path != DATABASE for file in read_manifest(folder).files):
            raise Refused("FED-8022", "this is not a backup of a centre")
        manifest = restore_backup(folder, data)
    except FederationError as error:
        fail(error)
    show(_row(data, manifest), COLUMNS, output)
    note(say("Start the centre: it appends nothing until enough nodes have shown their heads."))
    note(say("The files belong to the user who ran this; the daemon's user must own them."))


async def _create(folder: Path | None, into: Path | None) -> tuple[Path, BackupManifest]:
    from central.enrolment.genesis import DATABASE
    from lpse.federation.errors import NotFound
    from lpse.runtime.clock import SystemClock
    from lpse.runtime.sqlite import LiveDatabase
    from lpse.storage.backup import BackupSources, create_backup

    data = settings.settings().data
    database = data / DATABASE
    if not database.exists():
        raise NotFound("FED-8020", f"there is no centre in {data}", remedy="name it with --data")
    files = {path.relative_to(data).as_posix(): path for path in _files(data)}
    sources = BackupSources({DATABASE: LiveDatabase(database)}, ("blobs", data / "blobs"), files)
    now = SystemClock().wall()
    place = folder or Path(into or "", f"{PARTY}-{now:%Y%m%dT%H%M%SZ}")
    return place, await create_backup(sources, place, party=PARTY, now=now)


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
