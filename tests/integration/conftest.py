"""Every test here runs against each kind of server that can be had; the container needs an engine."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.servers import KINDS, RedisServer, start_server


@pytest.fixture(scope="session", params=KINDS)
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running server of each kind."""
    folder: Path = tmp_path_factory.mktemp("redis")
    with start_server(request.param, folder) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Where the server is."""
    return redis_server.url


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of its own on an empty server."""
    async with Redis.from_url(redis_url) as client:
        await client.flushall()
        yield client
