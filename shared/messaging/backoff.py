"""Exponential back-off with full jitter.

Method: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
"""

import asyncio
import random

#: Seconds. The first retry comes before a person notices; the last often enough to recover within 5 s.
FIRST, LONGEST = 0.1, 5.0


class Backoff:
    """Waits longer after each failure in a row."""

    def __init__(self) -> None:
        self.failures = 0

    def reset(self) -> None:
        """It worked."""
        self.failures = 0

    def next_seconds(self) -> float:
        """Return how long to wait now, and count the failure."""
        ceiling = min(LONGEST, FIRST * 2.0 ** min(self.failures, 10))
        self.failures += 1
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311  jitter, not a secret

    async def wait(self) -> None:
        """Wait."""
        await asyncio.sleep(self.next_seconds())
