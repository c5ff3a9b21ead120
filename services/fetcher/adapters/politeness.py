"""One request at a time to each host, with a pause between two (in the spirit of RFC 9309's crawlers)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

#: Hosts remembered: whoever was last asked longer ago than all of these may be asked at once.
MOST_HOSTS = 10_000
#: Seconds a host may ask us to pause between two requests, at most.
LONGEST_PAUSE_SECONDS = 30.0


@dataclass(slots=True)
class _Host:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free: float = 0.0  # monotonic seconds from which on it may be asked again
    waiting: int = 0


class Politeness:
    """Turns at hosts. `pause` in seconds."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    @asynccontextmanager
    async def turn(self, host: str, pause: float | None = None) -> AsyncIterator[None]:
        """Wait until the host may be asked; then ask.

        Args:
            pause: seconds it wants between two requests; ours where it is shorter.
        """
        known = self._host(host)
        known.waiting += 1
        try:
            async with known.lock:
                await asyncio.sleep(max(0.0, known.free - time.monotonic()))
                try:
                    yield
                finally:
                    known.free = time.monotonic() + min(LONGEST_PAUSE_SECONDS, max(self._pause, pause or 0.0))
        finally:
            known.waiting -= 1

    def _host(self, host: str) -> _Host:
        known = self._hosts.setdefault(host, _Host())
        self._hosts.move_to_end(host)
        if len(self._hosts) > MOST_HOSTS:
            oldest = next(iter(self._hosts))
            if not self._hosts[oldest].waiting:
                del self._hosts[oldest]
        return known
