"""Readiness tells whether work is being done: a consumer that does none is red within 15 seconds, and green again.

On Valkey alone, for the waiting's sake; DATELINE_ALL_SERVERS=1: on every kind.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shared.streams import CONSUMER_GROUP, Stream
from tests.chaos.server import DisposableServer
from tests.servers import PATIENT_KINDS, require_engine
from tests.services import SERVICES, Services, running_services

#: What whoever runs it is promised.
RED_SECONDS = 15.0


@pytest.fixture(scope="module", params=PATIENT_KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DisposableServer]:
    if request.param == "redis:8":
        require_engine()
    server = DisposableServer(request.param, tmp_path_factory.mktemp("server"), {})
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def services(server: DisposableServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with running_services(tmp_path_factory.mktemp("services"), server.url) as services:
        yield services


def wait_until(met: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def wait_until_green(services: Services) -> None:
    wait_until(lambda: all(services.ready(name) for name in SERVICES), 30, "all services ready")


def wait_until_red(services: Services, *names: str) -> None:
    wait_until(lambda: not any(services.ready(name) for name in names), RED_SECONDS, f"{names} not ready")


def test_a_server_that_is_gone_is_seen(server: DisposableServer, services: Services) -> None:
    wait_until_green(services)
    server.kill()
    wait_until_red(services, *SERVICES)
    server.start()
    wait_until_green(services)


def test_a_server_that_hangs_is_seen(server: DisposableServer, services: Services) -> None:
    wait_until_green(services)
    server.signal(signal.SIGSTOP)
    try:
        wait_until_red(services, *SERVICES)
    finally:
        server.signal(signal.SIGCONT)
    wait_until_green(services)


def test_streams_that_cannot_be_read_are_seen(server: DisposableServer, services: Services) -> None:
    wait_until_green(services)
    with redis.Redis.from_url(server.url) as client:
        for stream in Stream:
            client.set(stream, "no stream at all")
        try:
            wait_until_red(services, *SERVICES)
        finally:
            client.delete(*Stream)
    wait_until_green(services)


def test_rights_that_were_taken_away_are_seen(server: DisposableServer, services: Services) -> None:
    wait_until_green(services)
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "default", "-xreadgroup")
        try:
            wait_until_red(services, *SERVICES)
        finally:
            client.execute_command("ACL", "SETUSER", "default", "+xreadgroup")
    wait_until_green(services)


def test_an_inbox_that_is_gone_is_seen(services: Services, tmp_path: Path) -> None:
    wait_until_green(services)
    services.inbox.rename(tmp_path / "elsewhere")
    try:
        wait_until_red(services, "fetcher")
    finally:
        (tmp_path / "elsewhere").rename(services.inbox)
    wait_until_green(services)


def test_what_is_lost_at_the_server_beside_data_heals_unseen(server: DisposableServer, services: Services) -> None:
    """Groups destroyed and scripts flushed: the next document is indexed as if nothing had happened."""
    wait_until_green(services)
    with redis.Redis.from_url(server.url) as client:
        for stream in Stream:
            client.xgroup_destroy(stream, CONSUMER_GROUP[stream])
        client.script_flush()
    before = services.wait_until("accepted", 0)["indexed"]
    (services.inbox / f"{time.time_ns()}.txt").write_text(f"The ferry was late again, at {time.time_ns()}.\n")
    services.wait_until("indexed", before + 1, seconds=15)
    wait_until_green(services)
