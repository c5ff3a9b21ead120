"""Runs one service as a process: settings, logs, its parts, its HTTP port, and a clean stop.

Order: the port is bound (so that a taken one is found first), the service's parts start, HTTP is served. On SIGTERM or
Ctrl-C HTTP stops, then the parts stop in the reverse order of their start, each within its bound; the exit code is 0.
When work in the background fails, the same happens, and the exit code is 1: whoever looks after the process can tell.
"""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp

from shared.errors import SetupError
from shared.logging import configure_logging
from shared.messaging import StreamBroker
from shared.settings import ServiceSettings, SettingsT, load
from shared.tasks import end

log = structlog.get_logger()

#: Seconds a request may take to finish when the service stops.
HTTP_GRACE_SECONDS = 2


class WorkFailed(Exception):  # noqa: N818  told and logged when it happened
    """Work in the background has failed, and the service with it."""


def run(
    name: str,
    settings: type[SettingsT],
    port_setting: str,
    service: Callable[[SettingsT], AbstractAsyncContextManager[ASGIApp]],
) -> None:
    """Run the service until it is told to stop.

    Exits with 2 and one line when it cannot start as set up, with 1 when work in the background has failed.
    """
    try:
        loaded = load(settings)
        configure_logging(name, loaded.log_format, loaded.log_level)
        listener = _bind(loaded, port_setting)
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_serve(name, loaded, listener, service))
    except SetupError as error:
        sys.exit(_say(error))
    except WorkFailed:
        sys.exit(1)


def _say(error: SetupError) -> int:
    sys.stderr.write(f"dateline: {error}\n")
    return 2


def _bind(settings: ServiceSettings, port_setting: str) -> socket.socket:
    port = getattr(settings, port_setting)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, port))
    except OSError as error:
        what = f"cannot listen on {settings.host} port {port}: {error.strerror}"
        raise SetupError(f"{what}; set DATELINE_{port_setting.upper()} or DATELINE_HOST") from error
    return listener


async def _serve(
    name: str,
    settings: SettingsT,
    listener: socket.socket,
    service: Callable[[SettingsT], AbstractAsyncContextManager[ASGIApp]],
) -> None:
    _cancel_on_signal(asyncio.current_task())
    async with service(settings) as app:
        log.info("started", port=listener.getsockname()[1])
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=256,
            h11_max_incomplete_event_size=65_536,
            timeout_graceful_shutdown=HTTP_GRACE_SECONDS,
        )
        await _Server(config).serve(sockets=[listener])
        log.info("stopping", service=name)
    log.info("stopped")


def _cancel_on_signal(start: "asyncio.Task[Any] | None") -> None:
    """Until HTTP is served, and its server minds the signals, a signal cancels the start."""
    if start:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, start.cancel)


class _Server(uvicorn.Server):
    """uvicorn, ending quietly: its own signal handling raises the signal again after a clean stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


@asynccontextmanager
async def consuming(broker: StreamBroker) -> AsyncIterator[None]:
    """Let the broker start in the background, so that HTTP is up while Redis is not; stop it at the end."""
    try:
        async with background(broker.start, "broker"):
            yield
    finally:
        await broker.stop()


@asynccontextmanager
async def background(work: Callable[[], Coroutine[Any, Any, None]], name: str) -> AsyncIterator[None]:
    """Run the work beside the service; a service whose work has failed ends, to be started again.

    Raises:
        WorkFailed: at the end, when it has.
    """
    task = asyncio.create_task(work(), name=name)
    task.add_done_callback(_end_process_on_failure)
    try:
        yield
    finally:
        failed = _failure(task)
        await end(task)
        if failed:
            raise WorkFailed(name) from failed


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    if error := _failure(task):
        log.critical("task_failed", task=task.get_name(), exc_info=error)
        signal.raise_signal(signal.SIGTERM)


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None
