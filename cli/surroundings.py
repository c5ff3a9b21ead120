"""What a command finds around it; a test hands in its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import typer


@dataclass(frozen=True)
class Surroundings:
    """`transport` carries requests (None: the network); `now` and `sleep` are seconds of one clock."""

    transport: httpx.BaseTransport | None = None
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def surroundings(context: typer.Context) -> Surroundings:
    """Return what `create_app` was given."""
    found = context.find_object(Surroundings)
    return found or Surroundings()
