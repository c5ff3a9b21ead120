"""A web server of a test: what it answers is set, and what it was asked is counted."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Answer:
    """What a path is answered with. `seconds`: how long it takes; `length`: what is said of its length, if anything."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    length: int | None = None
    etag: str | None = None


@dataclass(slots=True)
class Asked:
    """One request, and the monotonic seconds between which it was at work."""

    path: str
    headers: dict[str, str]
    began: float
    ended: float = 0.0


class Site:
    """Answers at `address`; paths that are not set are answered 404."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer((host, 0), self._handler())
        self.host, self.port = host, self._server.server_port
        self.address = f"http://{host}:{self.port}"

    def times(self, path: str) -> int:
        """Return how often this path was asked for."""
        return sum(asked.path == path for asked in self.asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, time.monotonic())
                site.asked.append(asked)
                found = site.answers.get(self.path, Answer(status=404))
                answer = found if isinstance(found, Answer) else found()
                if answer.etag and answer.etag == self.headers.get("If-None-Match"):
                    answer = Answer(status=304)
                with suppress(OSError):  # who asked went away
                    self._send(answer)
                asked.ended = time.monotonic()

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.etag:
                    self.send_header("ETag", answer.etag)
                self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
                self.end_headers()
                time.sleep(answer.seconds)
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
                """Say nothing."""

        return Handler

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running_site(host: str = "127.0.0.1") -> Iterator[Site]:
    """Run one."""
    site = Site(host)
    site.start()
    try:
        yield site
    finally:
        site.stop()


def zipped(body: bytes, **more: object) -> Answer:
    """Return an answer that is compressed."""
    return Answer(gzip.compress(body), headers={"Content-Encoding": "gzip"}, **more)  # type: ignore[arg-type]
