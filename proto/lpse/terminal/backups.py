"""What both programs' `backup` nouns share: where a backup goes, what belongs to it, what is told.

Rules: a backup is made beside a running daemon, over a read-only connection of its own; symbolic
links are left out; what is not in a backup although it should be is told each time that somebody
handles it, with exit code 7; restoring takes a backup of the same side only. Leaves out the form of
a backup (`lpse.storage.backup`) and what each side adds to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lpse.terminal.output import EXIT_PARTIAL, Column, Output, OutputOption, fail, note, show
from lpse.terminal.words import say, say_count, size_text, when

if TYPE_CHECKING:
    from lpse.storage.backup_manifest import BackupManifest

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the backup.")]
NewFolderArgument = Annotated[Path | None, typer.Argument(help="Folder of the backup.")]
IntoOption = Annotated[
    Path | None, typer.Option(help="Parent folder; the backup gets a dated name in it.")
]
COLUMNS: Final = (
    Column("name", "Folder"),
    Column("party", "Party"),
    Column("create_time", "Made", when("UTC")),
    Column("files", "Files", right=True),
    Column("bytes", "Size", size_text, right=True),
    Column("left_out", "Left out", right=True),
)
_FOLDERS: Final = ("identity", "conf.d")
_NAMED_MAX: Final = 20  # of what is left out; the manifest names all


@dataclass(frozen=True, slots=True)
class Side:
    """One side's names in its data folder; `told` is "a centre" or "a node".

    `vouched` is the table or view of all blobs that must be there.
    """

    told: str
    database: str
    configuration: tuple[str, ...]
    vouched: str


def check_place(folder: Path | None, into: Path | None) -> None:
    """A usage error (exit 2) unless exactly one of the two is given."""
    if (folder is None) == (into is None):
        raise typer.BadParameter(say("name a folder, or a parent folder with --into"))


async def create(
    side: Side, data: Path, party: str, folder: Path | None, into: Path | None
) -> tuple[Path, BackupManifest]:
    """Save the party's data folder into `folder`, or under a dated name into `into`."""
    from lpse.runtime.clock import SystemClock
    from lpse.runtime.sqlite import LiveDatabase
    from lpse.storage.backup import BackupSources, create_backup

    files = {path.relative_to(data).as_posix(): path for path in _files(side, data)}
    databases = {side.database: LiveDatabase(data / side.database)}
    now = SystemClock().wall()
    place = folder or Path(into or "", f"{party}-{now:%Y%m%dT%H%M%SZ}")
    sources = BackupSources(databases, ("blobs", data / "blobs"), files, side.vouched)
    return place, await create_backup(sources, place, party=party, now=now)


def tell_created(place: Path, manifest: BackupManifest, output: Output) -> None:
    """What was saved, and how to keep it."""
    show(_row(place, manifest), COLUMNS, output)
    note(say("It holds the private keys: keep it as safe as the machine itself."))
    tell_left_out(manifest)


def tell_left_out(manifest: BackupManifest) -> None:
    """Name what is not in it, and leave with exit code 7; nothing happens where all is there."""
    if not manifest.left_out:
        return
    causes = {"missing": say("missing"), "damaged": say("damaged")}
    for one in manifest.left_out[:_NAMED_MAX]:
        note(f"{causes.get(one.cause, one.cause)}: {one.path}")
    note(
        say_count(
            "One file is not in this backup; everything else is. Its manifest names it.",
            "{count} files are not in this backup; everything else is. Its manifest names them.",
            len(manifest.left_out),
        )
    )
    note(say("A good copy comes back from the other side where there is one; see doctor."))
    raise typer.Exit(EXIT_PARTIAL)


def verify(folder: FolderArgument, output: OutputOption = Output.TABLE) -> None:
    """Check every digest and every database of a backup; nothing is changed."""
    from lpse.federation.errors import FederationError
    from lpse.storage.backup import verify_backup

    try:
        manifest = verify_backup(folder)
    except FederationError as error:
        fail(error)
    show(_row(folder, manifest), COLUMNS, output)
    tell_left_out(manifest)


def restore(side: Side, folder: Path, data: Path, output: Output) -> BackupManifest:
    """Put a backup of this side into an empty data folder, and tell what came."""
    from lpse.federation.errors import FederationError, Refused
    from lpse.storage.backup import restore_backup
    from lpse.storage.backup_manifest import read_manifest

    try:
        if all(file.path != side.database for file in read_manifest(folder).files):
            raise Refused("FED-8022", f"this is not a backup of {side.told}")
        manifest = restore_backup(folder, data)
    except FederationError as error:
        fail(error)
    show(_row(data, manifest), COLUMNS, output)
    note(say("The files belong to the user who ran this; the daemon's user must own them."))
    return manifest


def _files(side: Side, data: Path) -> list[Path]:
    listed = [data / name for name in side.configuration]
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
        "left_out": len(manifest.left_out),
    }
