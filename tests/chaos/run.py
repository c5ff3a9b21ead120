"""Breaks Dateline on purpose while documents flow, and counts what is lost or doubled: `make chaos`.

Every run prints its seed and what it did; `--seed` plays the same faults again.
"""

import argparse
import os
import random
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from shared.streams import CONSUMER_GROUP, Stream
from tests.chaos.oracle import Oracle, path_of, text_of
from tests.chaos.proxy import ReplyDroppingProxy
from tests.chaos.schedule import Fault, draw
from tests.servers import LocalServer, binary_of
from tests.services import Services, running_services

REPLICAS = ("fetcher", "parser-1", "parser-2", "indexer")
#: Replies of which one is lost.
LOST_ONE_IN = 200
#: Seconds everything may take to come to rest after the last fault, beside the time the documents themselves need.
REST_SECONDS = 120.0
PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done: on which kind of server, with how many documents and faults, of which so many wipe the server."""

    server: str
    documents: int
    faults: int
    flushes: int
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    lost_replies: int
    seconds: float
    differences: list[str]


def run(plan: Plan, folder: Path) -> Result:
    """Feed the documents, let the faults happen, wait for rest, compare. Raises AssertionError when it never rests."""
    start = time.monotonic()
    schedule = draw(plan.seed, plan.faults, plan.flushes)
    with ExitStack() as parts:
        server = LocalServer(binary_of(plan.server), folder)
        server.start()
        parts.callback(server.kill)
        proxy = ReplyDroppingProxy(str(folder / "s"), LOST_ONE_IN, plan.seed)
        url = proxy.start()
        parts.callback(proxy.stop)
        services = parts.enter_context(running_services(folder, url, REPLICAS))
        feeder = threading.Thread(
            target=feed, args=(services.inbox, plan.documents, sum(f.after for f in schedule)), daemon=True
        )
        feeder.start()
        for fault in schedule:
            time.sleep(fault.after)
            say(f"{time.monotonic() - start:7.1f} s  {fault}  {services.status().get('indexed', '-')} indexed")
            inflict(fault, services, server, random.Random(plan.seed))
        feeder.join()
        rest(services, server.url, plan.documents)
        differences = Oracle(plan.documents).faults(services, folder) + _left_over(server.url)
    return Result(proxy.dropped, time.monotonic() - start, differences)


def feed(inbox: Path, documents: int, seconds: float) -> None:
    """Write the documents evenly over the time in which faults happen, each in one piece."""
    for number in range(documents):
        target = inbox / path_of(number)
        target.parent.mkdir(exist_ok=True)
        part = target.with_suffix(".part")
        part.write_text(text_of(number))
        part.rename(target)
        time.sleep(seconds / documents * 0.9)


def inflict(fault: Fault, services: Services, server: LocalServer, chance: random.Random) -> None:
    """Let it happen; what was killed is started again at once."""
    match fault.kind:
        case "kill":
            services.kill(fault.target)
            services.start(fault.target)
        case "terminate":
            services.terminate(fault.target)
            services.start(fault.target)
        case "kill child":
            if children := services.children(fault.target):
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(children), signal.SIGKILL)
        case "kill server":
            server.kill()
            server.start()
        case "pause server":
            with server.paused():
                time.sleep(PAUSE_SECONDS)
        case "flush server":
            with redis.Redis.from_url(server.url) as client:
                client.flushall()


def rest(services: Services, url: str, documents: int) -> None:
    """Wait until everything is settled and every stream is empty."""
    deadline = time.monotonic() + REST_SECONDS + documents / 20
    while True:
        status = services.status()
        settled = status.get("indexed", 0) + status.get("rejected", 0)
        if settled == documents and status["in_flight"]["total"] == 0 and not _left_over(url):
            return
        assert time.monotonic() < deadline, f"no rest: {status} {_left_over(url)}"
        time.sleep(0.5)


def _left_over(url: str) -> list[str]:
    with redis.Redis.from_url(url) as client:
        lengths = {stream: client.xlen(stream) for stream in Stream}
        pending = {s: client.xpending(s, CONSUMER_GROUP[s])["pending"] for s in Stream if client.exists(s)}
    return [f"{s}: {n} entries left" for s, n in lengths.items() if n] + [
        f"{s}: {n} pending" for s, n in pending.items() if n
    ]


def say(line: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run once, as told on the command line; 0 when nothing was lost, doubled or left over."""
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=__doc__)
    parser.add_argument("--server", default="valkey-server", choices=["redis-server", "valkey-server"])
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--flushes", type=int, default=2, help="how many of the faults wipe the server")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    options = parser.parse_args()
    plan = Plan(**vars(options))
    say(str(plan))
    folder = Path(tempfile.mkdtemp(prefix="chaos"))
    result = run(plan, folder)
    say(f"{result.seconds:.0f} s, {result.lost_replies} replies lost, {len(result.differences)} differences")
    for difference in result.differences[:50]:
        say(difference)
    if result.differences:
        say(f"everything is kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
