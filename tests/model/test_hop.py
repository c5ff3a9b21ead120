"""The model of one hop holds on a real server, and finds the bugs it is there to find."""

import functools
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis.asyncio import Redis

from shared.messaging.hand_over import HAND_OVER, HandOver
from shared.messaging.leases import Heartbeat
from shared.streams import Stream
from tests.chaos.clocks import Clocks
from tests.chaos.server import DisposableServer
from tests.model.hop import Hop
from tests.servers import PATIENT_KINDS, require_engine

#: A run is a few dozen steps on a real server, a few milliseconds each.
RUNS = settings(
    max_examples=int(os.environ.get("DATELINE_MODEL_RUNS", "60")),
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
#: What it takes to find a seeded bug; it need not be told as briefly as can be.
HUNT = settings(RUNS, max_examples=500, phases=[Phase.generate], derandomize=True)


@pytest.fixture(scope="module", params=PATIENT_KINDS)
def hop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[Hop]]:
    """The machine on a server whose clock can be stepped."""
    if ":" in request.param:
        require_engine()
    folder: Path = tmp_path_factory.mktemp("hop")
    clocks = Clocks(folder / "clocks")
    server = DisposableServer(request.param, folder / "server", clocks.environment("server"))
    server.start()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:

        class HopHere(Hop):
            url = server.url
            step_server_clock = functools.partial(clocks.step, "server")

        yield HopHere
    finally:
        structlog.reset_defaults()
        server.kill()


def test_every_order_of_events_loses_and_doubles_nothing(hop: type[Hop]) -> None:
    run_state_machine_as_test(hop, settings=RUNS)


def broken(hop: type[Hop], **parts: type) -> type[Hop]:
    """Return the machine with these parts."""
    return type("Broken", (hop,), parts)


def test_it_finds_a_hand_over_without_a_fence(hop: type[Hop]) -> None:
    class Unfenced(HandOver):
        """Publishes whether or not the acknowledgement counted."""

        def __init__(self, client: Redis, stream: Stream) -> None:
            super().__init__(client, stream)
            self._script = client.register_script(HAND_OVER.replace("== 1\n", ">= 0\n"))

    assert HAND_OVER.count("== 1\n") == 1

    with pytest.raises(AssertionError):
        run_state_machine_as_test(broken(hop, hand_over=Unfenced), settings=HUNT)


def test_it_finds_a_worker_that_does_not_tell_that_it_is_alive(hop: type[Hop]) -> None:
    class Silent(Heartbeat):
        """Never beats."""

        async def beat(self) -> None:
            """Do nothing."""

    with pytest.raises(AssertionError):
        run_state_machine_as_test(broken(hop, heartbeat=Silent), settings=HUNT)
