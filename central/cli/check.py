"""`lkpp-central check`: whether this centre could serve, in plain lines.

Owns the checks of configuration, key files and certificates; exit status 1 if one fails. Rule: it
changes nothing and may run beside the daemon. Leaves out the contents of the database, which
`backup create` re-reads and the daemon verifies at each start.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import typer

from central.cli import settings
from lpse.terminal.output import EXIT_FAILURE, Column, Output, OutputOption, show_list

app = typer.Typer()

COLUMNS: Final = (Column("check", "Check"), Column("ok", "OK"), Column("detail", "Detail"))
_SOON: Final = timedelta(days=30)  # time enough for an administrator to act


@app.command()
def check(output: OutputOption = Output.TABLE) -> None:
    """Check configuration, keys and certificates."""
    from central.enrolment.genesis import DATABASE, IDENTITY
    from lpse.runtime.tls import CA_CERTIFICATE, CA_KEY, SIGNING_KEY, TLS_CERTIFICATE, TLS_KEY

    data = settings.settings().data
    rows = [_row("configuration", True, str(data)), _present("database", data / DATABASE)]
    rows += [_private(data / IDENTITY / name) for name in (CA_KEY, TLS_KEY, SIGNING_KEY)]
    rows += [_valid(data / IDENTITY / name) for name in (CA_CERTIFICATE, TLS_CERTIFICATE)]
    show_list(rows, COLUMNS, output, name="check")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(EXIT_FAILURE)


def _row(name: str, ok: bool, detail: str) -> dict[str, Any]:
    return {"check": name, "ok": ok, "detail": detail}


def _present(name: str, path: Path) -> dict[str, Any]:
    return _row(name, path.is_file(), str(path))


def _private(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return _row(path.name, False, "missing")
    mode = path.stat().st_mode & 0o777
    return _row(path.name, mode == 0o600, f"mode {mode:04o}")


def _valid(path: Path) -> dict[str, Any]:
    from lpse.federation.errors import FederationError
    from lpse.runtime.clock import SystemClock
    from lpse.runtime.tls import load_certificate

    try:
        end = load_certificate(path).not_valid_after_utc
    except FederationError as error:
        return _row(path.name, False, error.message)
    return _row(path.name, end - SystemClock().wall() > _SOON, f"valid until {end:%Y-%m-%d}")
