"""A pool of killable child processes that parse what strangers send.

Which way it falls: a child that is too slow, too big, dead or incomprehensible is killed and replaced, and
its document fails with `ParseCrashed`. The document is tried again elsewhere, because a kill may be the
machine's fault (memory short, a restart); the third time it is quarantined. The others never notice.
"""

import asyncio
import os
import signal
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import structlog

from services.parser.frames import (
    LENGTH_BYTES,
    Failed,
    Parsed,
    Ready,
    Rejected,
    Reply,
    Request,
    length_of,
    packed,
    reply_in,
)
from shared.contracts import ParsedDocument
from shared.errors import RejectedDocument, SetupError

log = structlog.get_logger()

#: Documents after which a child is replaced: libraries keep caches, and memory falls to pieces. It goes on until the
#: other is ready.
DOCUMENTS_PER_CHILD = 200
#: Seconds a child may take to load its libraries; it takes 1.5 on a free core.
START_SECONDS = 30.0
#: Seconds before a child is started again after it died without one answer: 0.1, doubled up to 5.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
#: Seconds killed children get to be gone.
_STOP_SECONDS = 2.0
#: Where `services` and `shared` are imported from.
_ROOT = Path(__file__).resolve().parents[2]


class ParseCrashed(Exception):  # noqa: N818  what happened to the parse, not an error of ours
    """The parse ended without an answer: too slow, too much memory, or a bug; the text says which."""


class Sandbox:
    """`workers` children, each with `seconds` and `memory_bytes` of address space for a document."""

    def __init__(self, workers: int, seconds: float, memory_bytes: int) -> None:
        self._workers = workers
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._idle: asyncio.Queue[_Child] = asyncio.Queue()
        self._alive: set[_Child] = set()
        self._replacing = asyncio.Lock()
        self._keepers: list[asyncio.Task[None]] = []
        self._farewells: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start all children; returns when the first is ready. Raises `SetupError` when none is in 30 s."""
        self._keepers = [asyncio.create_task(self._keep_one_running()) for _ in range(self._workers)]
        try:
            async with asyncio.timeout(START_SECONDS):
                self._idle.put_nowait(await self._idle.get())
        except TimeoutError:
            await self.stop()
            raise SetupError("no parsing process gets ready; the log above says why") from None
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill all children, whatever they do; returns within 2 s."""
        for keeper in self._keepers:
            keeper.cancel()
        for child in self._alive:
            child.kill()
        if self._keepers:
            await asyncio.wait([*self._keepers, *self._farewells], timeout=_STOP_SECONDS)
        self._keepers = []

    def ready(self) -> bool:
        """Tell whether at least one child lives."""
        return any(child.alive for child in self._alive)

    async def parse(self, path: Path, name: str) -> ParsedDocument:
        """Return the document in the file at `path` (absolute), which its sender calls `name`.

        Waits for a free child; the seconds count from when it has one.

        Raises:
            RejectedDocument: the file is at fault, with the reason.
            ParseCrashed: the parse was killed, died, or failed by a bug.
        """
        child = await self._free_child()
        child.busy = True
        try:
            async with asyncio.timeout(self._seconds):
                reply = await child.ask(Request(path=str(path), name=name))
        except TimeoutError:
            child.kill()
            raise ParseCrashed(f"Reading it took longer than {self._seconds:g} s") from None
        except (OSError, EOFError, ValueError) as error:
            child.kill()
            ending = await child.ending()
            raise ParseCrashed(f"The process that read it {ending}") from error
        except BaseException:
            child.kill()  # cancelled: nobody knows what it is doing
            raise
        self._give_back(child, reply)
        return _document_in(reply)

    async def _free_child(self) -> "_Child":
        while True:
            child = await self._idle.get()
            if child.alive and not child.retired:  # else its keeper has put, or will put, another in the queue
                return child

    def _give_back(self, child: "_Child", reply: Reply) -> None:
        child.busy = False
        if child.answers >= DOCUMENTS_PER_CHILD:
            child.over.set()  # it goes on until another is ready in its place
        if isinstance(reply, Parsed | Rejected) and not child.retired:
            self._idle.put_nowait(child)
        else:
            child.kill()

    async def _keep_one_running(self) -> None:
        """Keep one place filled: start a child, offer it, wait until it has done its share or died, again."""
        pause, before = 0.0, None
        while True:
            await asyncio.sleep(pause)
            child = _Child(self._seconds, self._memory_bytes)
            self._alive.add(child)
            if await self._is_started(child, before):
                self._idle.put_nowait(child)
                if before:
                    before.retire()
                await child.over.wait()
                before = child if child.alive else None
            pause = 0.0 if child.answers else min(_LONGEST_PAUSE, max(_FIRST_PAUSE, pause * 2))
            log.info("parsing_process_replaced", pid=child.pid, answers=child.answers, pause=pause)

    async def _is_started(self, child: "_Child", before: "_Child | None") -> bool:
        """Start it; one that replaces another that still works waits for its turn, so that one core goes on working."""
        turn = self._replacing if before and before.alive else nullcontext()
        try:
            async with turn:
                await child.start()
        except BaseException as error:
            child.kill()
            await asyncio.shield(child.ended())
            self._alive.discard(child)
            if not isinstance(error, OSError | EOFError | ValueError | TimeoutError):
                raise
            log.warning("parsing_process_not_started", error=repr(error))
            return False
        farewell = asyncio.create_task(self._see_off(child))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)
        return True

    async def _see_off(self, child: "_Child") -> None:
        await child.ended()
        self._alive.discard(child)
        child.over.set()


class _Child:
    """One process, from its start to its end; it answers one request at a time."""

    def __init__(self, seconds: float, memory_bytes: int) -> None:
        self._limits = (str(seconds), str(memory_bytes), str(os.getpid()))
        self._process: asyncio.subprocess.Process | None = None
        self.answers = 0
        self.busy = False
        #: Whether another has taken its place.
        self.retired = False
        #: Set when it has done its share, or has ended.
        self.over = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Return when it is ready. Its own session: Ctrl-C is for the service, which stops it in order."""
        launch = asyncio.create_task(self._launch())
        try:
            self._process = await asyncio.shield(launch)
        except asyncio.CancelledError:
            # Python 3.11 waits for ever for a process whose launch is cancelled before its pipes are connected.
            self._process = await launch
            raise
        async with asyncio.timeout(START_SECONDS):
            if not isinstance(await self._reply(), Ready):
                raise ValueError("it said something else than that it is ready")

    async def _launch(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services.parser.child", *self._limits),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=_ROOT,
            env=_environment(),
            start_new_session=True,
        )

    async def ask(self, request: Request) -> Reply:
        """Return its answer. Raises `OSError`, `EOFError` or `ValueError` when it dies or talks nonsense."""
        if self._process is None or self._process.stdin is None:
            raise EOFError
        self._process.stdin.write(packed(request))
        await self._process.stdin.drain()
        reply = await self._reply()
        self.answers += 1
        return reply

    async def _reply(self) -> Reply:
        if self._process is None or self._process.stdout is None:
            raise EOFError
        header = await self._process.stdout.readexactly(LENGTH_BYTES)
        return reply_in(await self._process.stdout.readexactly(length_of(header)))

    def retire(self) -> None:
        """Another is in its place: it ends what it has in hand, and gets nothing more."""
        self.retired = True
        if not self.busy:
            self.kill()

    def kill(self) -> None:
        """End it and whatever it has started, at once."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Return when it is gone."""
        if self._process is not None:
            await self._process.wait()

    async def ending(self) -> str:
        """Return how it ended, once it has: `was ended by SIGKILL`."""
        await self.ended()
        code = self._process.returncode if self._process else None
        return f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"


def _document_in(reply: Reply) -> ParsedDocument:
    match reply:
        case Parsed():
            return reply.document
        case Rejected():
            raise RejectedDocument(reply.reason)
        case Failed():
            raise ParseCrashed(reply.traceback)
        case Ready():
            raise ParseCrashed("The process that read it answered out of turn")


def _environment() -> dict[str, str]:
    """Return what a child may know: no address, no password. One thread: the processes fill the cores."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
    return kept | {
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
