"""What the ways of enrolling share: where the centre is, what stays written, what is shown.

Leaves out the ways themselves (`enrol`, `recovering`, `reimporting`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lpse.terminal.output import Column
from lpse.terminal.plain import plain
from regional_node.cli import session

if TYPE_CHECKING:
    from regional_node.identity import Identity

COLUMNS: Final = (
    Column("node_id", "Node"),
    Column("province", "Province"),
    Column("zone", "Zone"),
    Column("endpoint", "Link endpoint"),
    Column("key_id", "Key"),
)


def address_of(endpoint: str) -> str:
    """Where the centre is: the flag, else the configuration; Refused (FED-8019) for neither."""
    from lpse.federation.errors import Refused

    address = endpoint or session.settings().link.endpoint
    if not address:
        raise Refused(
            "FED-8019",
            "where the centre is has not been said",
            remedy="give --endpoint host:port, or set link.endpoint",
        )
    return address


def row_of(identity: Identity) -> dict[str, object]:
    """What is shown of an identity."""
    row: dict[str, object] = plain(identity)
    return {**row, "key_id": identity.key_id}


def keep_endpoint(data: Path, address: str) -> None:
    """An address given by flag is needed again for renewals: it stays in conf.d."""
    from lpse.runtime.tls import write_public

    if session.settings().link.endpoint == address:
        return
    (data / "conf.d").mkdir(exist_ok=True)
    write_public(data / "conf.d" / "enrolment.toml", f'[link]\nendpoint = "{address}"\n'.encode())
