"""The peer `tuspyserver` under uvicorn, as its own documentation starts it.

Runs in an environment of its own, never in the project's. Argument: folder of the files. Prints its
port as one line of JSON. Leaves out everything that is measured.
"""

import json
import socket
import sys

import uvicorn
from fastapi import FastAPI  # type: ignore[import-not-found]  # only in the peer's environment
from tuspyserver import create_tus_router  # type: ignore[import-not-found]  # likewise

app = FastAPI()
app.include_router(create_tus_router(files_dir=sys.argv[1], max_size=4 << 30, prefix="files"))

if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    sys.stdout.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])
