"""Which configuration the commands of `lkpp-central` use: the shared flags, remembered.

Owns the two flags. Leaves out keys and defaults (`central.config`).
"""

from __future__ import annotations

import os
from pathlib import Path

from central.config import CentralSettings, read
from lpse.terminal.settings import Loaded

_chosen: dict[str, Path | None] = {"config": None, "data": None}


def choose(config: Path | None, data: Path | None) -> None:
    """Remember the flags that every command shares."""
    _chosen.update(config=config, data=data)


def loaded() -> Loaded[CentralSettings]:
    """The configuration with the origin of every value."""
    return read(os.environ, file=_chosen["config"], flags={"data": _chosen["data"]})


def settings() -> CentralSettings:
    """The configuration."""
    return loaded().settings
