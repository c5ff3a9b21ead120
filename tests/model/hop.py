"""One hop as a state machine: workers read, finish, fail, die, freeze and stop, and clocks step, in any order.

After each step it is held against the server: a document is on the stream or has come out at the other end, in one
place and once; a live worker's messages are its own; no message is tried more than three times, and none is
quarantined that did not spoil three tries. However a run went, what is left is worked off in the end.

Method: stateful testing with Hypothesis; Claessen and Hughes, "Testing monadic code with QuickCheck", 2002.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from redis.asyncio import ConnectionPool

from shared.errors import RejectedDocument, TransientError
from shared.messaging import Intake
from shared.messaging.backoff import LONGEST
from shared.messaging.groups import create_groups
from shared.messaging.hand_over import HandOver
from shared.messaging.leases import LEASE_SECONDS, Heartbeat
from tests.messages import fetched
from tests.model.expectations import Expectations, Snapshot
from tests.model.worker import Clock, Fault, FaultyClient, Worker

NAMES = ("one", "two", "three")
#: What a handler may raise: no retry helps; what it depends on is away; a bug.
ERRORS = (RejectedDocument("invalid"), TransientError("the disk is full"), RuntimeError("a bug"))
#: What breaks: nothing, or one of the next commands, before or after the server has executed it.
FAULTS = st.none() | st.builds(Fault, loses=st.sampled_from(("request", "reply")), after=st.integers(0, 3))
#: Seconds a wall clock is put off by: an hour and a day, either way.
STEPS = (-86_400, -3_600, 0, 3_600, 86_400)
#: Seconds in which one worker works off whatever a run leaves: every lease runs out, every try is spent.
WORKED_OFF_SECONDS = 300

T = TypeVar("T")


def one_that(condition: Callable[[Worker], object], **arguments: Any) -> Callable[[Any], Any]:
    """Make a rule for one worker of those that meet the condition; it applies only when there are some."""

    def meeting(hop: "Hop") -> list[Worker]:
        return [worker for worker in hop.workers.values() if condition(worker)]

    def decorate(function: Any) -> Any:
        chosen = st.runner().flatmap(lambda hop: st.sampled_from(meeting(hop)))
        return precondition(lambda hop: bool(meeting(hop)))(rule(worker=chosen, **arguments)(function))  # type: ignore[no-untyped-call]

    return decorate


def awake(worker: Worker) -> bool:
    """Whether it can do anything."""
    return not worker.frozen


def at_work(worker: Worker) -> bool:
    """Whether it has something to finish."""
    return bool(awake(worker) and worker.in_hand)


class Hop(RuleBasedStateMachine):
    """Subclasses say which server it runs on."""

    url: ClassVar[str]
    #: Puts the server's wall clock off by so many seconds.
    step_server_clock: ClassVar[Callable[[float], None]]
    hand_over: ClassVar[type[HandOver]] = HandOver
    heartbeat: ClassVar[type[Heartbeat]] = Heartbeat

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.Runner()
        self.clock = Clock()
        self.workers: dict[str, Worker] = {}
        self.expected = Expectations()
        self.server = self.client()

    def do(self, work: Awaitable[T]) -> T:
        """Do it to its end."""

        async def done() -> T:
            return await work

        return self._loop.run(done())

    def client(self) -> FaultyClient:
        """Return a client of its own."""
        client = FaultyClient(connection_pool=ConnectionPool.from_url(self.url))
        client.auto_close_connection_pool = True
        return client

    def snapshot(self) -> Snapshot:
        """Look at the server."""
        return self.do(Snapshot.of(self.server))

    @initialize()
    def begin(self) -> None:
        """Two workers begin, on what is published to an empty server."""
        self.do(self.server.flushall())
        self.do(create_groups(self.server))
        for name in NAMES[:2]:
            self._start(name)
        self.publish(3, again=False)
        self.pass_time(1)

    @rule(count=st.integers(1, 3), again=st.booleans())
    def publish(self, count: int, again: bool) -> None:
        """The outbox publishes; after a lost reply, once more."""
        first = self.expected.published + 1
        self.expected.published += count
        for _ in range(1 + again):
            self.do(Intake(self.server).publish([fetched(n) for n in range(first, first + count)]))

    @precondition(lambda self: len(self.workers) < len(NAMES))
    @rule()
    def start(self) -> None:
        """A process starts, or is started again under its old name."""
        self._start(next(name for name in NAMES if name not in self.workers))

    def _start(self, name: str) -> None:
        self.workers[name] = Worker(name, self.client(), self.clock, self.hand_over, self.heartbeat)
        self.do(self.workers[name].heartbeat.beat())

    @one_that(lambda worker: awake(worker) and worker.has_room, fault=FAULTS)
    def read(self, worker: Worker, fault: Fault | None = None) -> None:
        """It asks for more."""
        with worker.client.broken_down(fault):
            taken = self.do(worker.read())
        if fault:
            self.expected.unseen(range(1, self.expected.published + 1))
        for document in taken:
            self.expected.hold_of(document, worker.in_hand[document])
        self.expected.hold_of_neighbours(worker)

    @rule(seconds=st.sampled_from((1, int(LEASE_SECONDS) + 1)), step=st.sampled_from(STEPS))
    def pass_time(self, seconds: int, step: int = 0) -> None:
        """Who is not frozen beats, and looks for work; the server's wall clock is put off, or right again."""
        type(self).step_server_clock(step)
        for _ in range(seconds):
            self.clock.now += 1.0
            for worker in filter(awake, self.workers.values()):
                self.do(worker.heartbeat.beat())
                if worker.has_room:
                    self.read(worker)

    @one_that(at_work, last=st.booleans(), error=st.sampled_from((None, *ERRORS)), fault=FAULTS)
    def finish(self, worker: Worker, last: bool, error: Exception | None, fault: Fault | None) -> None:
        """A handler is done, or raises."""
        document = list(worker.in_hand)[-1 if last else 0]
        owner = self.snapshot().is_owner(worker, document)
        with worker.client.broken_down(fault):
            self.do(worker.finish(document, error))
        if fault:
            self.expected.unseen([document])
        self.expected.finished(worker, document, error, owner=owner)
        if isinstance(error, TransientError):
            self.pass_time(int(LONGEST) + 1)  # the stage pauses

    @one_that(lambda _: True)
    def kill(self, worker: Worker) -> None:
        """SIGKILL."""
        self.expected.killed(worker, self.snapshot())
        self._end(worker)

    @one_that(awake)
    def freeze(self, worker: Worker) -> None:
        """SIGSTOP: it may be taken for dead, and comes back one day with work that is somebody else's."""
        worker.frozen = True
        self.expected.frozen(worker)

    @one_that(lambda worker: worker.frozen)
    def thaw(self, worker: Worker) -> None:
        """SIGCONT."""
        worker.frozen = False

    @one_that(awake, fault=FAULTS)
    def stop(self, worker: Worker, fault: Fault | None) -> None:
        """SIGTERM: what it could not finish in time it gives back."""
        with worker.client.broken_down(fault):
            self.do(worker.reader.stop())
        if fault:
            self.expected.unseen(list(worker.in_hand))
        self.expected.gone(worker)
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        del self.workers[worker.name]
        self.do(worker.client.aclose())

    @invariant()
    def it_holds(self) -> None:
        """All that must be true."""
        self.expected.hold(self.snapshot(), self.workers.values())

    def teardown(self) -> None:
        """All but one die, and that one works off what is left."""
        try:
            self._work_off()
        finally:
            for worker in list(self.workers.values()):
                self._end(worker)
            self.do(self.server.aclose())
            self._loop.close()
            type(self).step_server_clock(0)

    def _work_off(self) -> None:
        for worker in list(self.workers.values()):
            self.kill(worker)
        self._start(NAMES[0])
        (last,) = self.workers.values()
        for _ in range(WORKED_OFF_SECONDS):
            if not self.snapshot().on_the_stream:
                break
            self.pass_time(1)
            while last.in_hand:
                self.finish(last, last=False, error=None, fault=None)
        assert self.snapshot().on_the_stream == []
        self.it_holds()
