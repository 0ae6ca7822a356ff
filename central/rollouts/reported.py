"""The port `Versions`, from what the fleet last heard of each node's service.

Leaves out how the fleet hears it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from central.fleet.store import FleetStore


class ReportedVersions:
    """Versions that running services reported."""

    def __init__(self, fleet: FleetStore) -> None:
        self._fleet = fleet

    async def versions(self, node_ids: Collection[str]) -> Mapping[str, str]:
        """Nodes whose service never answered are left out."""
        found = await self._fleet.find(list(node_ids))
        return {node: row.service_version for node, row in found.items() if row.service_version}
