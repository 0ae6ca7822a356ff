"""The way from a command to the node's running daemon, and to its configuration.

Owns finding the data folder (flag, environment, file) and the Unix socket `intake.sock` in it.
Rule: a daemon that does not run is FED-8011 with exit code 6, not a gRPC message. Leaves out the
calls themselves.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from lpse.federation.errors import Unavailable
from lpse.runtime.channels import error_from, open_local_channel
from lpse.terminal.settings import Loaded
from regional_node.config import SOCKET, NodeSettings, read

_chosen: dict[str, Path | None] = {"config": None, "data": None}


def choose(config: Path | None, data: Path | None) -> None:
    """Remember the flags that every command shares."""
    _chosen.update(config=config, data=data)


def loaded() -> Loaded[NodeSettings]:
    """The configuration with the origin of every value."""
    return read(os.environ, file=_chosen["config"], flags={"data": _chosen["data"]})


def settings() -> NodeSettings:
    """The configuration."""
    return loaded().settings


def socket_path(data: Path) -> Path:
    """Where the daemon of this data folder listens for local programs."""
    return data / SOCKET


@asynccontextmanager
async def connect() -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the daemon; errors of its calls come out as FederationError."""
    path = socket_path(settings().data).absolute()
    if not path.is_socket():
        raise _not_running(path)
    async with open_local_channel(path) as channel:
        try:
            yield channel
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE and not error.trailing_metadata():
                raise _not_running(path) from error
            raise error_from(error) from error


def _not_running(path: Path) -> Unavailable:
    return Unavailable(
        "FED-8011",
        f"the node's daemon does not answer at {path}",
        remedy="start it with `lpse-node run`, or name its data folder with --data",
    )
