"""The sandbox with real child processes: what one suffers, the others do not, and nothing is left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.parser.sandbox import DOCUMENTS_PER_CHILD, ParseCrashed, Sandbox
from shared.errors import RejectedDocument

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = "The harbour authority closed the northern pier on Friday after divers found cracks in three pillars.\n"
MEMORY = 2**30


def children_of(pid: int) -> set[int]:
    """Return the processes whose parent is `pid`, zombies left out."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.add(int(folder.name))
    return found


def open_files(pid: int) -> list[str]:
    return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]


def told_by_kernel(pid: int, file: str) -> str:
    return Path(f"/proc/{pid}/{file}").read_text()


@pytest.fixture
def article(tmp_path: Path) -> Path:
    path = tmp_path / "article"
    path.write_text(ARTICLE)
    return path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A page that takes libxml2 a minute: it compares each attribute of an element with all before."""
    path = tmp_path / "slow"
    path.write_text("<p " + " ".join(f"a{n}=1" for n in range(200_000)) + ">x</p>")
    return path


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(workers=2, seconds=2, memory_bytes=MEMORY)
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


async def test_a_document_comes_back_parsed(sandbox: Sandbox, article: Path) -> None:
    document = await sandbox.parse(article, "pier.txt")
    assert (ARTICLE.strip(), "en") == (document.body, document.language)


async def test_a_rejection_comes_back_with_its_reason(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(RejectedDocument, match="The file is empty"):
        await sandbox.parse(tmp_path / "empty", "empty.txt")


async def test_a_slow_document_is_ended_and_the_others_go_on(sandbox: Sandbox, article: Path, slow: Path) -> None:
    ended = asyncio.create_task(sandbox.parse(slow, "slow.html"))
    documents = await asyncio.gather(*(sandbox.parse(article, "pier.txt") for _ in range(20)))
    assert {ARTICLE.strip()} == {document.body for document in documents}
    with pytest.raises(ParseCrashed, match="took longer"):
        await ended
    assert ARTICLE.strip() == (await sandbox.parse(article, "pier.txt")).body


async def test_children_that_are_killed_are_replaced(sandbox: Sandbox, article: Path) -> None:
    killed = children_of(os.getpid())
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    for _ in range(3):  # each of the two may have been on its way to a document
        try:
            document = await sandbox.parse(article, "pier.txt")
        except ParseCrashed:
            continue
        assert ARTICLE.strip() == document.body
        break
    assert sandbox.ready()
    assert killed.isdisjoint(children_of(os.getpid()))


async def test_a_child_that_has_done_its_share_goes_on_until_another_is_ready(article: Path) -> None:
    sandbox = Sandbox(workers=1, seconds=2, memory_bytes=MEMORY)
    await sandbox.start()
    before = children_of(os.getpid())
    for _ in range(DOCUMENTS_PER_CHILD):
        await sandbox.parse(article, "pier.txt")
    await sandbox.parse(article, "pier.txt")
    assert before <= children_of(os.getpid())
    async with asyncio.timeout(20):
        while before & children_of(os.getpid()):
            await sandbox.parse(article, "pier.txt")
    assert (await sandbox.parse(article, "pier.txt")).body == ARTICLE.strip()
    assert len(children_of(os.getpid())) == 1
    await sandbox.stop()
    assert children_of(os.getpid()) == set()


async def test_a_child_that_hangs_is_ended(article: Path) -> None:
    sandbox = Sandbox(workers=1, seconds=0.5, memory_bytes=MEMORY)
    await sandbox.start()
    (child,) = children_of(os.getpid())
    os.kill(child, signal.SIGSTOP)
    with pytest.raises(ParseCrashed, match="longer than"):
        await sandbox.parse(article, "pier.txt")
    assert ARTICLE.strip() == (await sandbox.parse(article, "pier.txt")).body
    await sandbox.stop()


async def test_a_document_that_takes_too_much_memory_fails_alone(article: Path, tmp_path: Path) -> None:
    (tmp_path / "big").write_text("<p>x" * 8_000_000)
    sandbox = Sandbox(workers=1, seconds=30, memory_bytes=2**29)
    await sandbox.start()
    with pytest.raises(ParseCrashed):
        await sandbox.parse(tmp_path / "big", "big.html")
    assert ARTICLE.strip() == (await sandbox.parse(article, "pier.txt")).body
    await sandbox.stop()


async def test_a_cancelled_parse_ends_its_child(sandbox: Sandbox, article: Path, slow: Path) -> None:
    parse = asyncio.create_task(sandbox.parse(slow, "slow.html"))
    await asyncio.sleep(0.2)
    before = children_of(os.getpid())
    parse.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parse
    await asyncio.sleep(0.2)
    assert 1 <= len(before - children_of(os.getpid()))
    assert ARTICLE.strip() == (await sandbox.parse(article, "pier.txt")).body


async def test_no_process_is_left_after_the_stop(slow: Path) -> None:
    before = children_of(os.getpid())
    sandbox = Sandbox(workers=2, seconds=30, memory_bytes=MEMORY)
    await sandbox.start()
    parse = asyncio.create_task(sandbox.parse(slow, "slow.html"))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(2):
        await sandbox.stop()
    assert before == children_of(os.getpid())
    assert not sandbox.ready()
    with pytest.raises(ParseCrashed):
        await parse


async def test_a_child_holds_nothing_of_its_parent(sandbox: Sandbox) -> None:
    for child in children_of(os.getpid()):
        assert [] == [file for file in open_files(child) if file.startswith("socket:")]
        assert "Max core file size        0" in told_by_kernel(child, "limits")
        assert str(MEMORY) in told_by_kernel(child, "limits")
        assert "NoNewPrivs:\t1" in told_by_kernel(child, "status")


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX"])
def test_a_confined_process_has_no_network(family: str) -> None:
    program = (
        "import os, socket\n"
        "from services.parser.confinement import confine\n"
        f"confine({MEMORY}, os.getppid())\n"
        "try:\n"
        f"    socket.socket(socket.{family})\n"
        "except PermissionError:\n"
        "    print('refused')\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "refused\n" == run.stdout


def test_a_child_dies_with_its_parent() -> None:
    program = (
        "import asyncio, os\n"
        "from services.parser.sandbox import Sandbox\n"
        "async def main():\n"
        f"    sandbox = Sandbox(1, 60, {MEMORY})\n"
        "    await sandbox.start()\n"
        "    print(*(child.pid for child in sandbox._alive), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    child = Path(f"/proc/{int(run.stdout)}/stat")
    for _ in range(50):
        if not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        signal.sigtimedwait([], 0.02)
    pytest.fail("the child lives on")


@pytest.mark.parametrize("ticks", range(12))
async def test_a_start_that_is_cancelled_ends_and_leaves_nothing_behind(ticks: int) -> None:
    """Wherever the children are at that moment, so many turns of the loop after the start."""
    before = children_of(os.getpid())
    starting = asyncio.create_task(Sandbox(workers=2, seconds=2, memory_bytes=MEMORY).start())
    for _ in range(ticks):
        await asyncio.sleep(0)
    starting.cancel()
    done, _ = await asyncio.wait([starting], timeout=10)
    assert done
    assert starting.cancelled()
    assert children_of(os.getpid()) == before
