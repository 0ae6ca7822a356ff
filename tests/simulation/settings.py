"""How large a country is, how coarse its time, and the programs' settings that follow from it.

Owns `Options` and the settings of the centre and of nodes. Rules: settings are those that an
administrator could choose, except that intervals may be longer than a daemon allows, so that a
month of a country is cheap; leases are always longer than what a coarse timer can delay. Leaves out
every decision about faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from central.config import CentralSettings
from central.config import Link as CentralLink
from lpse.federation.limits import BALLAST_BYTES_MIN
from lpse.terminal.upkeep import Scrub
from regional_node.config import Disk as NodeDisk
from regional_node.config import Link as NodeLink
from regional_node.config import NodeSettings, Service, Upgrades

PROVINCES: tuple[tuple[str, str], ...] = (
    ("ID-AC", "Asia/Jakarta"),
    ("ID-JB", "Asia/Jakarta"),
    ("ID-JI", "Asia/Jakarta"),
    ("ID-KS", "Asia/Makassar"),
    ("ID-BA", "Asia/Makassar"),
    ("ID-SN", "Asia/Makassar"),
    ("ID-PA", "Asia/Jayapura"),
)


@dataclass(frozen=True)
class Options:
    """What a run is made of, besides its seed."""

    nodes: int = 5
    days: float = 3.0
    grain: float = 60.0  # seconds: the grid of the programs' timers
    vendors_per_day: float = 6.0  # submissions per node
    packages: int = 3  # per node, with deadlines spread over the run
    services: bool = True  # every node begins with a running SPSE, so that it can be upgraded

    @property
    def heartbeat_seconds(self) -> int:
        """Never shorter than what a coarse timer can keep."""
        return max(20, round(2 * self.grain))

    @property
    def lease_seconds(self) -> int:
        """Long enough for a beat that every coarse timer on its way delayed."""
        return max(60, round(8 * self.grain))


def provinces_of(number: int) -> tuple[str, str]:
    """Province and zone of the node with this number."""
    return PROVINCES[number % len(PROVINCES)]


def central_settings(options: Options, data: Path) -> CentralSettings:
    """The centre's."""
    return CentralSettings(
        data=data,
        link=CentralLink(
            heartbeat_seconds=options.heartbeat_seconds, lease_seconds=options.lease_seconds
        ),
        scrub=Scrub(megabytes_per_second=1000, every_days=7),
    )


def node_settings(options: Options, data: Path, first: Path | None = None) -> NodeSettings:
    """A node's; `first` is the bundle of the version that it begins with."""
    return NodeSettings(
        data=data,
        link=NodeLink(),
        disk=NodeDisk(ballast_bytes=BALLAST_BYTES_MIN),
        scrub=Scrub(megabytes_per_second=1000, every_days=7),
        service=Service(probe_seconds=max(30.0, options.grain)),
        upgrades=Upgrades(first_bundle=first if options.services else None),
    )
