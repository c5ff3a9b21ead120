"""What a command finds around it; a test hands in its own."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import typer


def _is_terminal() -> bool:
    return sys.stdout.isatty()  # Rich would take FORCE_COLOR for one, which is about colours in a log


@dataclass(frozen=True)
class Surroundings:
    """`transport` carries requests (None: the network); `now` and `sleep` are seconds of one clock.

    `is_terminal`: whether a person looks at the output, and what was written can be written over.
    """

    transport: httpx.BaseTransport | None = None
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    is_terminal: Callable[[], bool] = _is_terminal


def surroundings(context: typer.Context) -> Surroundings:
    """Return what `create_app` was given."""
    found = context.find_object(Surroundings)
    return found or Surroundings()
