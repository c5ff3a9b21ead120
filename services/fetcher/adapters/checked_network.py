"""Connections to checked addresses only: whatever a name is made to mean, nobody is led into a private network.

The name is resolved here, every address it stands for is checked, and one of exactly those is connected to: there is
no second look-up that could answer otherwise (DNS rebinding). Certificates are still checked against the name.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from services.fetcher.domain.web_address import Address, Network, refusal
from shared.errors import RejectedDocument

#: Tells all addresses a name stands for. Raises `OSError` when it does not know.
Resolve = Callable[[str], Awaitable[list[Address]]]
#: Addresses of one name that are tried, at most.
MOST_TRIED = 4


async def resolve(host: str) -> list[Address]:
    """Ask the system. Raises `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(sockaddr[0]) for *_, sockaddr in found))


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's connections, to public web servers, and into these networks."""

    def __init__(self, networks: Sequence[Network], resolve: Resolve) -> None:
        self._networks = networks
        self._resolve = resolve
        self._connections = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to one of the host's addresses.

        Raises:
            RejectedDocument: the host stands for an address that is not allowed, even if for others beside it.
            httpcore.ConnectError: none of them answers.
        """
        failure: Exception = httpcore.ConnectError(f"nobody knows the name {host}")
        for address in (await self._checked(host, port))[:MOST_TRIED]:
            try:
                return await self._connections.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _checked(self, host: str, port: int) -> list[Address]:
        try:
            addresses = await self._resolve(host)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"nobody knows the name {host}") from error
        for address in addresses:
            if reason := refusal(address, port, self._networks):
                raise RejectedDocument(f"{host} may not be asked: {reason}.")
        return addresses

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise RejectedDocument("A page cannot be fetched from a socket of this machine.")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class CheckedTransport(httpx.AsyncBaseTransport):
    """httpx over such connections. No proxy is used: it would connect where it likes."""

    def __init__(self, backend: CheckedBackend, most_connections: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=most_connections,
            max_keepalive_connections=most_connections,
            keepalive_expiry=5.0,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._answer.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()
