#!/usr/bin/env -S python3 -B
"""A stand-in for SPSE: an HTTP service on loopback that knows its version and whether it is well.

Pages: `/` for people, `/version` and `/health` for machines. Its data is one file below LPSE_DATA,
in the format that its version understands; with another format it refuses to serve, as a real
application would. A file named GANGGUAN beside the data makes it report that it is not well, so
that a drill can have a disturbance. Standard library only; it does not know the node beside it.
"""

from __future__ import annotations

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SLOT = Path(os.environ["LPSE_SLOT"])
DATA = Path(os.environ["LPSE_DATA"])
RELEASE = json.loads((SLOT / "release.json").read_text("utf-8"))

PAGE = """<!doctype html>
<html lang="id"><meta charset="utf-8"><title>SPSE {version}</title>
<h1>SPSE {version}</h1>
<p>{status}</p>
<p>{packages} paket tercatat. <span lang="en">({packages} packages recorded.)</span></p>
</html>
"""


class Pages(BaseHTTPRequestHandler):
    """The three pages of the stand-in."""

    def do_GET(self) -> None:
        if self.path == "/version":
            self._answer(200, "application/json", json.dumps({"version": shown_version()}))
        elif self.path == "/health":
            well = is_well()
            self._answer(200 if well else 503, "application/json", json.dumps({"healthy": well}))
        elif self.path == "/":
            self._answer(200, "text/html", index_page())
        else:
            self._answer(404, "text/plain", "Halaman tidak ada / no such page\n")

    def log_message(self, *_: object) -> None:
        """Visitors are not written down."""

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def shown_version() -> str:
    """The version it reports; a broken release may report another than it is."""
    return str(RELEASE["reports"] if "wrong-version" in RELEASE["faults"] else RELEASE["version"])


def is_well() -> bool:
    return "unhealthy" not in RELEASE["faults"] and not (DATA / "GANGGUAN").exists()


def index_page() -> str:
    status = "Layanan berjalan normal." if is_well() else "Layanan sedang mengalami gangguan."
    return PAGE.format(version=shown_version(), status=status, packages=len(read_data()["paket"]))


def read_data() -> dict[str, list[object]]:
    """The data file; SystemExit when another version's format lies there."""
    data = json.loads((DATA / "spse.json").read_text("utf-8"))
    if data["format"] != RELEASE["data_format"]:
        sys.exit(f"data format {data['format']} is not {RELEASE['data_format']}")
    return dict(data)


def main() -> None:
    """Serve until told to stop."""
    if "exits" in RELEASE["faults"]:
        sys.exit("this release was built to end at once")
    read_data()
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["LPSE_PORT"])), Pages).serve_forever()


if __name__ == "__main__":
    main()
