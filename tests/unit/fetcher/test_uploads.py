"""Files sent by HTTP become documents, once, whatever their senders call them and however often they send them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from starlette.types import Message

from services.fetcher.adapters.ledger_entry import Lane
from services.fetcher.api.documents import LONGEST_HEADER, MOST_UPLOADS
from services.fetcher.api.http import create_api
from services.fetcher.api.upload_body import MOST_OTHER_BYTES, BadUpload, Patience, UploadBody
from services.fetcher.domain.file_names import LONGEST, file_name, told_apart
from tests.unit.fetcher.counter import MOST, Counter


async def test_a_raw_body_is_a_document(counter: Counter) -> None:
    (accepted,) = await counter.send(content=b"text", params={"name": "ferry.txt"})
    assert counter.documents() == [("ferry.txt", "fetched", "text")]
    assert (accepted["name"], accepted["size"], accepted["duplicate_of"]) == ("ferry.txt", 4, None)
    assert [e.document_id for e in counter.ledger.unpublished(Lane.FRESH, 9)] == [accepted["document_id"]]


async def test_a_raw_body_may_be_named_by_its_disposition(counter: Counter) -> None:
    named = {"Content-Disposition": "attachment; filename*=UTF-8''%C3%A9t%C3%A9.txt"}
    (accepted,) = await counter.send(content=b"text", headers=named)
    assert accepted["name"] == "été.txt"


async def test_a_form_brings_several_files_and_its_fields_are_passed_over(counter: Counter) -> None:
    files = [("file", ("a.txt", b"one")), ("file", ("b.txt", b"x" * 150_000)), ("other", ("c.txt", b""))]
    accepted = await counter.send(files=files, data={"note": "hello"})
    assert [one["name"] for one in accepted] == ["a.txt", "b.txt", "c.txt"]
    assert [path for path, _, _ in counter.documents()] == ["a.txt", "b.txt", "c.txt"]
    assert counter.left_over() == []


async def test_the_same_file_sent_again_is_the_same_document(counter: Counter) -> None:
    first = await counter.send(content=b"text", params={"name": "a.txt"})
    assert await counter.send(content=b"text", params={"name": "a.txt"}) == first
    assert len(counter.documents()) == 1


async def test_another_file_of_the_same_name_is_another_document(counter: Counter) -> None:
    for text in (b"one", b"two", b"two"):
        await counter.send(content=text, params={"name": "a.txt"})
    names = [path for path, _, _ in counter.documents()]
    assert names == ["a.txt", told_apart("a.txt", "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3")]


async def test_the_same_bytes_under_another_name_are_told_as_a_duplicate(counter: Counter) -> None:
    (first,) = await counter.send(content=b"text", params={"name": "a.txt"})
    (second,) = await counter.send(content=b"text", params={"name": "b.txt"})
    assert second["duplicate_of"] == first["document_id"]


async def test_an_idempotency_key_gets_the_first_answer_again_and_serves_no_other_files(counter: Counter) -> None:
    key = {"Idempotency-Key": "7"}
    first = await counter.send(content=b"one", params={"name": "a.txt"}, headers=key)
    assert await counter.send(content=b"one", params={"name": "a.txt"}, headers=key) == first
    reason = await counter.send(422, content=b"two", params={"name": "a.txt"}, headers=key)
    assert reason == "This idempotency key came with other files before; use a new one."
    assert len(counter.documents()) == 1


async def test_a_file_too_large_is_refused_as_it_comes_and_nothing_of_it_stays(counter: Counter) -> None:
    sent = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal sent
        while True:
            sent += 50_000
            yield b"x" * 50_000

    async with aclosing(endless()) as body:
        reason = await counter.send(413, content=body, params={"name": "a.txt"})
    assert reason == "The file is larger than 200,000 bytes (DATELINE_MAX_FILE_BYTES)."
    assert sent < 2 * MOST
    reason = await counter.send(413, files={"file": ("a.txt", b"x" * (MOST + 1))})
    assert "200,000 bytes" in reason
    assert (counter.documents(), counter.left_over()) == ([], [])


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        ({"content": b""}, 422, "The body is empty."),
        ({"files": {"note": (None, b"hello")}}, 422, "There is no file in the form."),
        ({"content": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data"}}, 400, "no boundary"),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, 400, "cannot be read"),
        (
            {
                "content": b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nhal',
                "headers": {"Content-Type": "multipart/form-data; boundary=b"},
            },
            400,
            "ends before its last boundary",
        ),
        (
            {
                "content": b"--b\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
                "headers": {"Content-Type": "multipart/form-data; boundary=b"},
            },
            400,
            "Maximum header size exceeded",
        ),
        ({"files": {"note": (None, b"x" * 70_000)}}, 413, "are in no file"),
        ({"content": b"x", "headers": {"Content-Disposition": "a" * (LONGEST_HEADER + 1)}}, 431, "content-disposition"),
        ({"content": b"x", "headers": {"Content-Type": "a" * (LONGEST_HEADER + 1)}}, 431, "content-type"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=" + "b" * 300}}, 400, "Boundary"),
    ],
)
async def test_a_request_that_brings_no_file_is_told_so(
    counter: Counter, request_: dict[str, Any], status: int, reason: str
) -> None:
    assert reason in await counter.send(status, **request_)
    assert (counter.documents(), counter.left_over()) == ([], [])


#: A file of a form, and the end of the form.
PART, END = b'--b\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n\r\n%s\r\n', b"--b--\r\n"
#: What is no file, with as much in its headers as there may be.
OTHER = b'--b\r\nContent-Disposition: form-data; name="' + b"n" * 4_000 + b'%s"\r\n\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


async def test_a_form_in_which_no_file_was_chosen_has_none(counter: Counter) -> None:
    """A browser sends a part without a name and without content."""
    assert "no file in the form" in await counter.send(422, content=PART % (b"", b"") + END, headers=FORM)
    assert (counter.documents(), counter.left_over()) == ([], [])
    both = PART % (b"", b"") + PART % (b"a.txt", b"text") + PART % (b"", b"nameless") + END
    assert [one["name"] for one in await counter.send(content=both, headers=FORM)] == ["a.txt", "upload"]


@pytest.mark.parametrize(
    "flood",
    [
        (b"\r\n" * 600, b""), (PART % (b"a.txt", b"text") + END, b"x" * 1_200), (b"", OTHER % b'"; filename="'),
        (b"", OTHER % b""),
    ],
    ids=["before the parts", "after them", "files not chosen", "fields without content"],
)  # fmt: skip
async def test_a_form_without_end_is_refused_where_nothing_of_it_is_a_file(
    counter: Counter, flood: tuple[bytes, bytes]
) -> None:
    first, more = flood
    sent = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal sent
        yield first
        while sent < 4 * MOST_OTHER_BYTES:
            sent += len(more or first)
            yield more or first

    async with aclosing(endless()) as body:
        assert "are in no file" in await counter.send(413, content=body, headers=FORM)
    assert (counter.documents(), counter.left_over()) == ([], [])


async def test_a_form_is_taken_whole_or_not_at_all(counter: Counter) -> None:
    """Files that came before the one that is refused are no documents."""
    await counter.send(413, files=[("f", ("a.txt", b"one")), ("f", ("b.txt", b"x" * (MOST + 1)))])
    assert (counter.documents(), counter.left_over()) == ([], [])


@pytest.mark.parametrize("seconds", [0.02, 0.2])
async def test_a_body_that_comes_too_slowly_is_not_waited_for(counter: Counter, seconds: float) -> None:
    """However regularly something of it comes, and with however long a pause."""

    async def trickle() -> AsyncGenerator[bytes, None]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(seconds)

    body = UploadBody(counter.blobs, MOST, Patience(10, grace_seconds=0.05, bytes_per_second=100))
    async with aclosing(trickle()) as chunks:
        with pytest.raises(BadUpload, match="too slowly: less than 100 bytes a second") as refused:
            await body.raw(chunks, None)
    assert (refused.value.status, counter.left_over()) == (408, [])


async def test_a_body_of_which_nothing_comes_is_not_waited_for(counter: Counter) -> None:
    async def silence() -> AsyncGenerator[bytes, None]:
        yield b"x" * 1_000
        await asyncio.sleep(60)

    body = UploadBody(counter.blobs, MOST, Patience(0.02, grace_seconds=0.01, bytes_per_second=100))
    async with aclosing(silence()) as chunks:
        with pytest.raises(BadUpload, match="Nothing of the body came"):
            await body.raw(chunks, None)


async def test_the_time_the_disk_takes_is_not_the_sender_s(counter: Counter) -> None:
    async def at_once() -> AsyncGenerator[bytes, None]:
        for _ in range(100):
            yield b"x"

    body = UploadBody(counter.blobs, MOST, Patience(10, grace_seconds=0.001, bytes_per_second=1_000_000))
    async with aclosing(at_once()) as chunks:
        (upload,) = await body.raw(chunks, None)
    assert upload.content.size == 100


async def test_a_sender_that_leaves_early_is_no_failure_of_ours(counter: Counter) -> None:
    """Nothing of its file stays, and its place is free."""
    told: list[Message] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        told.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/documents", "raw_path": b"/documents",
        "root_path": "", "scheme": "http", "query_string": b"", "headers": [], "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await create_api(counter.needs)(scope, receive, send)
    assert told[0]["status"] == 400
    assert (counter.documents(), counter.left_over(), counter.needs.uploading) == ([], [], 0)


async def test_too_many_uploads_at_a_time_are_asked_to_come_again(counter: Counter) -> None:
    counter.needs.uploading = MOST_UPLOADS
    assert "try again" in await counter.send(503, content=b"text")
    counter.needs.uploading = 0
    with counter.needs.under_way("5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"):
        assert "under way" in await counter.send(409, content=b"text", headers={"Idempotency-Key": "0"})


async def test_another_web_site_cannot_send_files_through_a_visitor_s_browser(counter: Counter) -> None:
    await counter.send(403, content=b"text", headers={"Sec-Fetch-Site": "cross-site"})
    assert counter.documents() == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\news\\a.txt", "a.txt"), ("", "upload"), (None, "upload"),
        (".htaccess", "htaccess"), ("a\x00\nb.txt", "ab.txt"), ("...", "upload"), ("\u202efdp.exe", "fdp.exe"),
    ],
)  # fmt: skip
def test_a_name_is_what_a_file_could_be_called(said: str | None, name: str) -> None:
    assert file_name(said) == name


def test_a_long_name_keeps_its_end_and_has_room_to_be_told_apart() -> None:
    name = file_name("文" * 300 + ".pdf")
    assert name.endswith("文.pdf")
    assert len(told_apart(name, "0" * 64).encode()) <= LONGEST
    assert told_apart("no-ending", "1a2b3c4d5e") == "no-ending (1a2b3c4d)"
