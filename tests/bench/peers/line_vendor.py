"""A vendor on the other side of the slow line: one upload by tus, timed.

Arguments: address, port, path of the collection, size. Prints the seconds from connecting to the
acknowledgement of the last byte. Leaves out everything else.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.bench.tus_client import Place, TusConnection, send_one

if __name__ == "__main__":
    address, port, collection, size = sys.argv[1:]
    content = os.urandom(int(size))
    start = time.perf_counter()
    connection = TusConnection(Place(address, int(port), collection))
    send_one(connection, collection, content, with_upload=False)
    sys.stdout.write(f"{time.perf_counter() - start}\n")
