"""`python -m deploy.demo`: play one scenario with real processes and tell what happened.

Owns the arguments, the folder, the clean-up and the exit status: 0 when every promise held, 1 when
one was broken or the play could not go on, 130 when it was interrupted. Rule: with `--output json`
standard output holds exactly one document; everything else goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.demo import scenario as scenarios
from deploy.demo.processes import DemoFailed, Processes
from deploy.demo.stage import perform
from deploy.demo.story import Story
from lpse.terminal import words

_SECONDS_MAX: Final = 300.0
_SOCKET_PATH_MAX: Final = 60  # the rest of the 107 bytes is ours: nodes/<id>/data/intake.sock
_FOREIGN: Final = ("LPSE_NODE", "LKPP_CENTRAL", "LKPPCTL", "GRPC_", "PYTHONPATH", "NOTIFY_SOCKET")


def main() -> int:
    """Parse, play, clean up; the exit status."""
    given = _arguments()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without these signs still gets words
            stream.reconfigure(errors="replace")
    words.choose(os.environ, Path(__file__).with_name("locale"))
    facts = scenarios.read_scenario(given.scenario)
    with _folder(given.directory, keep=given.keep) as folder:
        processes = Processes(folder, _environment())
        stream = sys.stderr if given.output == "json" else sys.stdout
        story = Story(stream, facts.outage.zone, facts.legal_start)
        try:
            document = asyncio.run(_limited(perform(facts, folder, processes, story, given.seed)))
        except DemoFailed as failed:
            _explain(processes, failed)
            return 1
        except (KeyboardInterrupt, asyncio.CancelledError):
            print("interrupted", file=sys.stderr)
            return 130
        except Exception as failed:  # our own bug, or a program's: say so, with what the logs know
            traceback.print_exc()
            _explain(processes, failed)
            return 1
        finally:
            processes.end_all()
            for pid in processes.survivors():
                print(f"process {pid} could not be ended", file=sys.stderr)
    if given.output == "json":
        print(json.dumps(document, ensure_ascii=False, indent=2))
    return 0 if document["ok"] else 1


async def _limited(play: object) -> dict[str, object]:
    """Within the limit, and so that SIGTERM and SIGINT end it as an interruption."""
    task = asyncio.ensure_future(play)  # type: ignore[call-overload]  # a coroutine
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with asyncio.timeout(_SECONDS_MAX):
            return await task  # type: ignore[no-any-return]  # the document
    except TimeoutError:
        raise DemoFailed(f"the play did not end within {_SECONDS_MAX:.0f} s") from None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dev.py demo", description="Play a disturbance with real processes on this machine."
    )
    parser.add_argument("--scenario", choices=scenarios.NAMES, default=scenarios.NAMES[0])
    parser.add_argument("--output", choices=("text", "json"), default="text")
    parser.add_argument("--keep", action="store_true", help="leave all files where they are")
    parser.add_argument("--seed", type=int, default=0, help="makes other bids; default 0")
    parser.add_argument("--directory", type=Path, help="empty folder to work in")
    return parser.parse_args()


@contextlib.contextmanager
def _folder(chosen: Path | None, *, keep: bool) -> Iterator[Path]:
    """The working folder; ours is removed at the end unless it shall be kept."""
    folder = chosen or Path(tempfile.mkdtemp(prefix="lpse-demo-"))
    folder = folder.absolute()
    if len(str(folder)) > _SOCKET_PATH_MAX:
        sys.exit(f"{folder} is too long a name for the nodes' sockets; choose a shorter one")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.exit(f"{folder} is not empty")
    try:
        yield folder
    finally:
        if keep or chosen:
            print(f"files and logs: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _explain(processes: Processes, failed: Exception) -> None:
    print(f"the play cannot go on: {failed}", file=sys.stderr)
    for name in sorted(path.stem for path in processes.logs.glob("*.log")):
        if tail := processes.log_tail(name):
            print(f"--- last words of {name}\n{tail}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
