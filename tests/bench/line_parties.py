"""A real node and a real centre on the two hosts of a shaped line.

Owns starting both programs inside the namespaces, handing submissions in through the node's own
socket (a file, so it is reached from here), and timing the queue and an upload. Rule: a blob counts
when the queue is empty, which is when the centre has re-read it. Leaves out the line (`shaped`).
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lpse.intake.v1 import submissions_pb2 as wire
from lpse.intake.v1.submissions_pb2_grpc import SubmissionsStub
from lpse.runtime.channels import open_local_channel
from tests.bench import peers
from tests.bench.shaped import ADDRESSES, Line
from tests.bench.upload_node import NODE_ID, make_grants
from tests.faults.vendors import Submission, Vendors
from tests.faults.world import BIN, PACKAGES, Founding, base_environment

CENTRE_PORT: Final = 7_443
UPLOAD_PORT: Final = 7_482
START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
LINE_VENDOR: Final = str(Path(peers.__file__).parent / "line_vendor.py")


class LineParties:
    """See the module's first lines."""

    def __init__(self, between: Line, founding: Founding, folder: Path) -> None:
        self._between = between
        self._folder = folder
        centre, nodes = founding.copy(folder)
        self._node = nodes[NODE_ID]
        road = f"{ADDRESSES[1]}:{CENTRE_PORT}"
        centre.environment["LKPP_CENTRAL__LISTEN__NODES"] = road
        self._node.environment |= {
            "LPSE_NODE__LINK__NODES": road,
            "LPSE_NODE__UPLOAD__LISTEN": f"{ADDRESSES[0]}:{UPLOAD_PORT}",
            "LPSE_NODE__UPLOAD__PLAIN_BEYOND_LOOPBACK": "true",
        }
        self._centre = centre
        self._processes: list[subprocess.Popen[bytes]] = []
        self._vendors = Vendors(random.Random(7))
        self._number = 0

    async def start(self) -> None:
        """Both run, and the link is up."""
        for side, party in ((1, self._centre), (0, self._node)):
            command = [str(BIN / party.command[0]), *party.command[1:]]
            with party.log.open("ab") as log:
                process = subprocess.Popen(
                    self._between.on(side, command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**base_environment(), **party.environment},
                )
            self._processes.append(process)
        give_up = time.monotonic() + START_SECONDS
        while not await self._drained_once():
            assert time.monotonic() < give_up, self._node.tail()
            await asyncio.sleep(0.2)

    def end(self) -> None:
        """Both are gone."""
        for process in self._processes:
            process.kill()
            process.wait()

    async def drain(self, size: int) -> float:
        """MB/s from the receipt of a submission to the centre's VERIFIED."""
        self._number += 1
        key = f"line-{self._number:05}"
        submission = Submission(key, PACKAGES[0], (os.urandom(size),))
        await self._vendors.hand_in(self._node.socket, [submission])
        start = time.perf_counter()
        async with open_local_channel(self._node.socket) as channel:
            stub = SubmissionsStub(channel)
            while (await stub.ListQueue(wire.ListQueueRequest())).waiting_count:
                await asyncio.sleep(POLL_SECONDS)
        return size / 1e6 / (time.perf_counter() - start)

    async def upload(self, size: int) -> float:
        """MB/s of one upload by tus from the other host, until it is acknowledged whole."""
        (path,) = await make_grants(self._node.socket, 1)
        words: Sequence[str] = (ADDRESSES[0], str(UPLOAD_PORT), path, str(size))
        command = self._between.on(1, [sys.executable, LINE_VENDOR, *words])
        ran = await asyncio.to_thread(
            subprocess.run,
            command,
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return size / 1e6 / float(ran.stdout)

    async def _drained_once(self) -> bool:
        """A first small submission went all the way: programs and link are up."""
        if not self._node.socket.exists():
            return False
        if not self._number:
            self._number = 1
            submission = Submission("line-00001", PACKAGES[0], (b"first",))
            await self._vendors.hand_in(self._node.socket, [submission])
        async with open_local_channel(self._node.socket) as channel:
            queue = await SubmissionsStub(channel).ListQueue(wire.ListQueueRequest())
            return not queue.waiting_count
