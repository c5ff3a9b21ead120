"""Small services for tests of the runner, and the runner with them in place of Dateline's.

python -m tests.stand_ins service PORT steady|stubborn|mis-set|failing
python -m tests.stand_ins runner FOLDER PORT,MANNER …
"""

import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from starlette.applications import Starlette
from starlette.types import ASGIApp

from deploy.embedded_server import EmbeddedServer
from deploy.local import say
from deploy.runner import Runner, Service
from shared.errors import SetupError
from shared.service import background
from shared.service import run as run_service
from shared.settings import ServiceSettings


class Ready(BaseHTTPRequestHandler):
    """Answers 200."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


class AnyPort(ServiceSettings):
    """Settings of a service nobody asks anything."""

    port: int = 0


@asynccontextmanager
async def failing(_: AnyPort) -> AsyncIterator[ASGIApp]:
    """Be one of Dateline's services, with a bug in its work."""

    async def work() -> None:
        raise ValueError("a bug")

    async with background(work, "work"):
        yield Starlette()


def serve(port: int, manner: str) -> None:
    """Be a service."""
    if manner == "mis-set":
        sys.exit(2)
    if manner == "failing":
        run_service("failing", AnyPort, "port", failing)
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN if manner == "stubborn" else lambda *_: sys.exit(0))
    HTTPServer(("127.0.0.1", port), Ready).serve_forever()


def run(folder: Path, services: list[str]) -> int:
    """Be the runner."""
    stand_ins = []
    for spec in services:
        port, manner = spec.split(",")
        command = (sys.executable, "-m", "tests.stand_ins", "service", port, manner)
        stand_ins.append(Service(manner, command, "127.0.0.1", int(port)))
    server = EmbeddedServer(folder)
    try:
        Runner(stand_ins, {}, server, say).run(on_ready=lambda: print("ready", flush=True))
    except SetupError as error:
        say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "service":
        serve(int(sys.argv[2]), sys.argv[3])
    else:
        sys.exit(run(Path(sys.argv[2]), sys.argv[3:]))
