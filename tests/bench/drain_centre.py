"""The centre of the drain bench in a process of its own: link, ledger, transfers, a bare sink.

Owns the wiring (that of the federation's tests) and one line of JSON on stdout with the ports. Keys
are fixed, so that both processes know them without a word. Leaves out everything measured.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

import grpc
import structlog

from lpse.federation.notes import Signer
from lpse.runtime import tls
from lpse.runtime.channels import SERVER_OPTIONS
from tests.federation.rig import Authority
from tests.federation.transfers import TransferCentre

NODE = "lpse-bench"
BARE = "/bench.Bare/Take"
CENTRE_KEY = Signer.from_seed("lkpp", b"c" * 32)
NODE_KEY = Signer.from_seed(NODE, b"n" * 32)


async def main(folder: Path) -> None:
    """Serve until the parent ends this process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    authority = Authority(folder / "identities", CENTRE_KEY)
    identity = authority.node(NODE)
    authority.nodes[NODE] = NODE_KEY
    centre = TransferCentre(authority, folder / "centre")
    centre.lease_seconds = 86_400
    await centre.start()
    bare = await _bare(authority.centre_identity)
    ports = {"link": centre.port, "transfer": centre.transfer_port, "bare": bare}
    sys.stdout.write(json.dumps({**ports, "identity": str(identity)}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def _bare(identity: Path) -> int:
    """Takes bytes over mTLS and drops them."""
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(_drop)
    generic = grpc.method_handlers_generic_handler("bench.Bare", {"Take": handler})
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((generic,))
    port = server.add_secure_port("127.0.0.1:0", tls.server_credentials(identity, clients=True))
    await server.start()
    _KEPT.append(server)
    return int(port)


async def _drop(requests: Any, context: Any) -> bytes:
    total = 0
    while (data := await context.read()) is not grpc.aio.EOF:
        total += len(data)
    return str(total).encode()


_KEPT: list[grpc.aio.Server] = []  # a server that nobody holds is stopped

if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
