"""The storm over the real listener: every node connects at once, by mTLS, from another process.

Owns the preparation (a stored journal, a token and a certificate per node; all nodes of the stub
process share one TLS key, since making ten thousand shows nothing) and the figures. Both sides of
every handshake share this machine's cores, which a real centre and its nodes do not.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from lpse.federation.v1 import link_pb2 as wire
from lpse.runtime import tls
from tests.bench.figures import Report
from tests.bench.reconcile_nodes import signer_of
from tests.bench.reconcile_storm import Caller, Peak, found, resident_kb
from tests.federation.rig import CLOCK, Authority, Centre

_STORM_SECONDS_MAX: Final = 900.0


async def measure(report: Report, folder: Path, hellos: int) -> None:
    """Once: time until the last one is welcomed, refusals, time-outs, memory of the centre."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority(folder / "identities")
    centre = Centre(authority, folder / "centre")
    centre.lease_seconds = 86_400
    await centre.start()
    try:
        callers = [Caller(number) for number in range(hellos)]
        by_certificate = centre.enrolled.require_node
        await found(centre, authority, callers)
        centre.enrolled.require_node = by_certificate  # type: ignore[method-assign] # as it was
        plan = folder / "plan.json"
        plan.write_text(json.dumps(_plan(authority, centre, callers)), "utf-8")
        await _storm(report, plan, hellos)
    finally:
        await centre.stop()


def _plan(authority: Authority, centre: Centre, callers: Sequence[Caller]) -> dict[str, Any]:
    key = tls.new_tls_key()
    request = tls.read_request(tls.make_request(key))
    validity = (CLOCK.wall(), timedelta(days=1))

    def node(caller: Caller) -> dict[str, str]:
        certificate = tls.issue_client(
            authority.issuer,
            request,
            ("node", caller.node_id),
            signer_of(caller.node_id).public,
            validity,
        )
        hello = wire.NodeFrame(hello=caller.hello(slim=True)).SerializeToString()
        return {"certificate": tls.pem(certificate).decode(), "hello": hello.hex()}

    return {
        "endpoint": f"127.0.0.1:{centre.port}",
        "ca": tls.pem(authority.issuer.certificate).decode(),
        "key": tls.private_pem(key).decode(),
        "nodes": [node(one) for one in callers],
    }


async def _storm(report: Report, plan: Path, hellos: int) -> None:
    command = [sys.executable, "-m", "tests.bench.storm_nodes", str(plan)]
    pipes = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipes, stdout=pipes)
    assert process.stdin is not None and process.stdout is not None
    try:
        await asyncio.wait_for(process.stdout.readline(), 120)
        before, watched = resident_kb(), Peak()
        process.stdin.write(b"\n")
        line = await asyncio.wait_for(process.stdout.readline(), _STORM_SECONDS_MAX)
        peak = watched.stop()
    finally:
        process.kill()
        await process.wait()
    told: dict[str, float] = json.loads(line)
    report.add(f"{hellos:,} nodes over mTLS at once, last one welcomed", "s", [told["seconds"]])
    report.add("  handshakes", "times", [told["attempts"]])
    report.add("  told to come back, over mTLS", "times", [told.get("refused", 0.0)])
    report.add("  not welcomed, over mTLS", "", [hellos - told.get("welcomed", 0.0)])
    report.add("  timed out, over mTLS", "", [told.get("timed_out", 0.0)])
    report.add("  longest wait for an answer", "s", [told["slowest"]])
    report.add("  memory per session at the peak, over mTLS", "kB", [(peak - before) / hellos])
    for name, count in told.items():
        if name.startswith("broken"):
            report.add(f"  {name}", "times", [count])
