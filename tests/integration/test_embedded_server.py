"""The server without Docker, with Debian's Redis 7 and the wheel's Valkey 9."""

import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from deploy import child_process
from deploy.embedded_server import EmbeddedServer, find_server
from shared.errors import SetupError
from tests.processes import marked
from tests.scenario import eventually
from tests.servers import binary_of


@pytest.fixture(params=["redis-server", "valkey-server"])
def binary(request: pytest.FixtureRequest) -> Path:
    """One of the servers there may be."""
    return Path(binary_of(request.param))


@pytest.fixture
def server(binary: Path, tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A running server."""
    with EmbeddedServer(tmp_path / "redis", binary) as server:
        yield server


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[Redis]:
    with Redis.from_url(server.url, decode_responses=True) as client:
        yield client


def test_it_keeps_every_write_and_evicts_nothing(client: Redis) -> None:
    expected = {"appendonly": "yes", "appendfsync": "everysec", "save": "", "maxmemory-policy": "noeviction"}
    assert expected == client.config_get(*expected)
    assert client.config_get("maxmemory") != {"maxmemory": "0"}


def test_only_its_owner_reaches_it(server: EmbeddedServer, client: Redis) -> None:
    """No TCP port; a socket for its owner's user only."""
    assert client.config_get("port") == {"port": "0"}
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700


def test_a_second_start_on_the_same_folder_is_refused(server: EmbeddedServer, binary: Path) -> None:
    with pytest.raises(SetupError, match=f"^{server.folder} is in use by a Dateline that runs"):
        EmbeddedServer(server.folder, binary).start()
    assert server.answers()


@pytest.mark.parametrize("end", [EmbeddedServer.stop, lambda server: child_process.kill(server.process)])
def test_nothing_is_lost_by_a_stop_or_a_kill(
    binary: Path, tmp_path: Path, end: Callable[[EmbeddedServer], None]
) -> None:
    server = EmbeddedServer(tmp_path / "redis", binary)
    server.start()
    with Redis.from_url(server.url) as client:
        for number in range(100):
            client.xadd("documents.fetched", {"number": number})
    end(server)
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.xlen("documents.fetched") == 100
    server.stop()


def test_a_stopped_server_is_gone_and_its_folder_free(binary: Path, tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path / "redis", binary)
    server.start()
    server.stop()
    with pytest.raises(RedisConnectionError), Redis.from_url(server.url) as client:
        client.ping()
    with EmbeddedServer(tmp_path / "redis", binary) as second:
        assert second.answers()


def test_it_dies_with_its_owner(tmp_path: Path) -> None:
    """Even when the owner is killed, and so cannot end it."""
    with marked("tests.stand_ins", ["runner", str(tmp_path / "redis")], {}, tmp_path / "log") as owner:
        owner.wait_for_output("ready")
        assert EmbeddedServer(tmp_path / "redis").answers()
        owner.signal(signal.SIGKILL)
        eventually(lambda: owner.family() == {}, "the server has ended")


def test_a_server_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"ended at its start; .*server\.log says why"):
        EmbeddedServer(tmp_path / "redis", Path(sys.executable)).start()
    EmbeddedServer(tmp_path / "redis").lock()  # the failed start holds nothing


def test_the_wheels_server_is_found_where_there_is_no_other(binary: Path) -> None:
    assert os.access(find_server(), os.X_OK)
    assert os.access(binary, os.X_OK)
