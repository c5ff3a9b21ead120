"""Runs services as processes until a signal ends them.

Start: Redis, then the services at the same time. Stop: the services drain at the same time, then Redis. The first
SIGINT, SIGTERM or SIGHUP drains; a second one kills at once. Either way no process is left.
"""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from deploy import child_process
from deploy.supervision import Supervised, stop_all

#: Seconds between two looks at the processes.
LOOK_SECONDS = 0.1
#: Seconds between two lines about who is not ready yet.
PROGRESS_SECONDS = 5.0
#: Seconds after which a service that is not ready counts as in trouble; it is left running, to recover.
READY_SECONDS = 60.0


@dataclass(frozen=True)
class Service:
    """A service: how it is started and where it tells whether it is ready."""

    name: str
    command: Sequence[str]
    host: str
    port: int

    def ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1.0)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Server(Protocol):
    """The Redis server the services need; `EmbeddedServer` is one."""

    def start(self) -> None:
        """Start and wait for an answer."""

    def launch(self) -> subprocess.Popen[bytes]:
        """Start again, not waiting."""

    def stop(self) -> None:
        """End it."""

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The running server."""


class Runner:
    """The services and their server.

    Args:
        services: what to run.
        environment: theirs.
        server: None when the services use a server that runs anyway.
        say: takes a line for the person at the terminal.
    """

    def __init__(
        self,
        services: Sequence[Service],
        environment: Mapping[str, str],
        server: Server | None,
        say: Callable[[str], None],
    ) -> None:
        self._services = services
        self._server = server
        self._say = say
        self._signals = 0
        self._redis = Supervised("redis", server.launch, say) if server else None
        self._supervised = [Supervised(each.name, _launcher(each.command, environment), say) for each in services]

    def run(self, on_ready: Callable[[], None]) -> None:
        """Run until a signal; call `on_ready` once, when every service is. Raises `SetupError`."""
        self._listen()
        try:
            self._start()
            self._until_ready(on_ready)
            while not self._signals:
                self._look()
        finally:
            self._stop()

    def _listen(self) -> None:
        def count(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the signature of a handler
            self._signals += 1

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
                signal.signal(number, count)

    def _start(self) -> None:
        if self._server and self._redis:
            self._server.start()
            self._redis.adopt(self._server.process)
        for each in self._supervised:
            each.start()

    def _look(self) -> None:
        for each in [self._redis, *self._supervised]:
            if each is not None:
                each.look()
        time.sleep(LOOK_SECONDS)

    def _until_ready(self, on_ready: Callable[[], None]) -> None:
        began = told = time.monotonic()
        waiting = list(self._services)
        while not self._signals:
            waiting = [each for each in waiting if not each.ready()]
            if not waiting:
                return on_ready()
            names = ", ".join(each.name for each in waiting)
            if time.monotonic() - began > READY_SECONDS:
                return self._say(f"not ready after {READY_SECONDS:.0f} s: {names}; still trying")
            if time.monotonic() - told > PROGRESS_SECONDS:
                told = time.monotonic()
                self._say(f"waiting for {names}")
            self._look()
        return None

    def _stop(self) -> None:
        if self._signals:
            self._say("stopping; once more to stop at once")
        heard = self._signals
        stop_all(self._supervised, hurried=lambda: self._signals > heard)
        if self._server:
            self._server.stop()


def _launcher(command: Sequence[str], environment: Mapping[str, str]) -> Callable[[], subprocess.Popen[bytes]]:
    full = {**os.environ, **environment}
    return lambda: child_process.start(command, environment=full)
