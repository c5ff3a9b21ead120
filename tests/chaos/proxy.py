"""A TCP proxy before the server that loses one reply in so many: the command was done, and nobody is told."""

import asyncio
import contextlib
import random
import threading


class ReplyDroppingProxy:
    """Forwards connections on a loopback port to a unix socket; runs in a thread of its own.

    Args:
        socket: the server's unix socket.
        one_in: replies of which one is lost, by chance, and its connection broken; 0: none.
        seed: makes the chances the same again.
    """

    def __init__(self, socket: str, one_in: int, seed: int) -> None:
        self._socket = socket
        self._one_in = one_in
        self._random = random.Random(seed)
        self.dropped = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> str:
        """Begin; return the URL to connect to."""
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._forward, "127.0.0.1", 0), self._loop)
        self._server = serving.result(timeout=5)
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Break all connections and end."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            server, to_server = await asyncio.open_unix_connection(self._socket)
        except OSError:
            to_client.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(client, to_server))
                both.create_task(self._copy_replies(server, to_client))
        except* (OSError, EOFError):
            pass
        finally:
            for writer in (to_client, to_server):
                writer.transport.abort()

    async def _copy_replies(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        while data := await server.read(65_536):
            if self._one_in and self._random.randrange(self._one_in) == 0:
                self.dropped += 1
                raise EOFError
            to_client.write(data)
            await to_client.drain()
        raise EOFError


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    raise EOFError
