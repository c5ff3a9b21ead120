"""The redis-py client that FastStream reads through; the one place that uses FastStream's private hooks."""

from collections.abc import Mapping
from typing import Any

from faststream.redis.configs.state import RedisConnectionState
from redis.asyncio import ConnectionPool, Redis

from shared.messaging.reader import StreamReader
from shared.streams import Stream


class StreamClient(Redis):
    """Groups begin at `0`, and XREADGROUP is answered by the stream's `StreamReader`."""

    readers: Mapping[str, StreamReader]

    async def xgroup_create(  # type: ignore[override]
        self, name: str, groupname: str, id: str = "0", mkstream: bool = True, **_: Any
    ) -> Any:
        """Create the group at `0`, whatever position was asked for."""
        return await super().xgroup_create(name, groupname, id="0", mkstream=mkstream)

    async def xreadgroup(  # type: ignore[override]
        self, groupname: str, consumername: str, streams: Mapping[str, str], **_: Any
    ) -> Any:
        """Return what the one stream's reader hands out next."""
        (stream,) = streams
        return await self.readers[stream].read()


class StreamConnection(RedisConnectionState):
    """FastStream's connection, with our client in it."""

    __slots__ = ("_readers",)

    def __init__(self, options: dict[str, Any], readers: Mapping[Stream, StreamReader]) -> None:
        super().__init__(options)
        self._readers = readers

    async def connect(self) -> StreamClient:
        """Make the client; the connection itself is opened by the first command."""
        client = StreamClient.from_pool(ConnectionPool(**self._options))
        client.readers = self._readers
        for reader in self._readers.values():
            reader.connect(client)
        self._client = client
        self._connected = True
        return client
