"""The redis-py client that FastStream reads through; the one place that uses FastStream's private hooks."""

from collections.abc import Mapping
from typing import Any

from faststream.redis.configs.state import RedisConnectionState
from redis.asyncio import ConnectionPool, Redis

from shared.messaging.reader import StreamReader
from shared.streams import Stream


class StreamClient(Redis):
    """Leaves groups to us (they begin at `0`); XREADGROUP is answered by the stream's `StreamReader`."""

    readers: Mapping[Stream, StreamReader]

    async def xgroup_create(self, name: str, **_: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        """Do nothing: the broker created all groups before, and a reader creates again one that is lost.

        FastStream asks for a group at `$`, once, while it starts: a server that is away in that moment would end
        the service.
        """
        return True

    async def xreadgroup(self, *, streams: Mapping[str, str], **_: Any) -> Any:  # type: ignore[override]
        """Return what the one stream's reader hands out next."""
        (stream,) = streams
        return await self.readers[Stream(stream)].read()


class StreamConnection(RedisConnectionState):
    """FastStream's connection, with our client in it."""

    __slots__ = ("_readers",)

    def __init__(self, options: dict[str, Any], readers: Mapping[Stream, StreamReader]) -> None:
        super().__init__(options)
        self._readers = readers

    async def connect(self) -> StreamClient:
        """Make the client; the connection itself is opened by the first command."""
        client = StreamClient(connection_pool=ConnectionPool(**self._options))
        client.auto_close_connection_pool = True
        client.readers = self._readers
        for reader in self._readers.values():
            reader.connect(client)
        self._client = client
        self._connected = True
        return client
