"""Originals are downloaded, never shown, whatever they are and however they are called."""

import unicodedata
from collections.abc import AsyncIterator
from email.message import Message
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.adapters.documents import SqliteDocumentStore
from services.indexer.api.dependencies import Dependencies
from services.indexer.api.http import create_api
from services.indexer.api.originals import LONGEST_NAME, content_disposition
from shared.blobs import FilesystemBlobStore
from shared.contracts import Source
from tests.unit.indexer.desk import an_id, quarantined, record

PAGE = b"<script>alert('from a stranger')</script>" * 10_000


@pytest.fixture
async def api(
    store: SqliteDocumentStore, blobs: FilesystemBlobStore, needs: Dependencies
) -> AsyncIterator[httpx.AsyncClient]:
    content = blobs.put([PAGE], "text/html")
    store.put_many(
        [
            record("a", content=content, source=Source(path='news/say "hé"\r\nSet-Cookie: x=1\u202ecod.exe')),
            quarantined("b").model_copy(update={"content": content}),
            quarantined("never read", stage="fetcher").model_copy(update={"content": None}),
            record("gone"),
            record("removed", state="removed", parsed=None, content=None),
        ]
    )
    app = create_api(needs)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://dateline") as client:
        yield client


@pytest.mark.parametrize("path", [f"/documents/{an_id('a')}", f"/documents/{an_id('b')}", f"/quarantine/{an_id('b')}"])
async def test_an_original_is_a_download_that_no_browser_shows(api: httpx.AsyncClient, path: str) -> None:
    """A page from a stranger on our own port could otherwise do what our page can."""
    response = await api.get(f"{path}/original")

    assert (200, PAGE) == (response.status_code, response.content)
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"].startswith("attachment; filename=")
    assert "sandbox" in response.headers["content-security-policy"]
    assert "script-src" not in response.headers["content-security-policy"]
    assert "set-cookie" not in response.headers


async def test_a_part_of_an_original_can_be_had(api: httpx.AsyncClient) -> None:
    """A broken download goes on."""
    response = await api.get(f"/documents/{an_id('a')}/original", headers={"Range": "bytes=1-6"})

    assert (206, b"script") == (response.status_code, response.content)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("never read", 404, "could not be read"),
        ("gone", 410, "gone from the blob store"),
        ("removed", 404, "removed from the inbox"),
        ("nobody", 404, "no document"),
    ],
)
async def test_where_there_are_no_bytes_it_is_said_why(
    api: httpx.AsyncClient, name: str, status: int, words: str
) -> None:
    """And never an empty file."""
    response = await api.get(f"/documents/{an_id(name)}/original")

    assert status == response.status_code
    assert words in response.json()["detail"]


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("news/ferry.txt", 'attachment; filename="ferry.txt"'),
        ("archive.zip!/page.html", 'attachment; filename="page.html"'),
        ("Füße 100%.txt", "attachment; filename=\"F__e 100_.txt\"; filename*=UTF-8''F%C3%BC%C3%9Fe%20100%25.txt"),
        ("наука.txt", "attachment; filename=\"_____.txt\"; filename*=UTF-8''%D0%BD%D0%B0%D1%83%D0%BA%D0%B0.txt"),
        ('a"; x=\\"\r\nb.txt', 'attachment; filename="a_; x=__b.txt"'),
        ("\u202egpj.exe", 'attachment; filename="gpj.exe"'),
        ("..\\..\\.bashrc", 'attachment; filename="_.._.bashrc"'),
        ("\u200f\n. .", 'attachment; filename="fallback"'),
        ("a" * 400 + ".html", f'attachment; filename="{"a" * (LONGEST_NAME - 5)}.html"'),
    ],
)
def test_a_name_is_told_in_every_script_and_means_nothing_else(path: str, header: str) -> None:
    """RFC 6266 and 8187."""
    assert header == content_disposition(path, fallback="fallback")


@given(st.text(max_size=300))
def test_any_name_makes_one_header_with_one_harmless_file_name(path: str) -> None:
    """Read back by a parser that is not ours."""
    header = content_disposition(path, fallback="fallback")
    message = Message()
    message["Content-Disposition"] = header
    name = unquote(header.rpartition("UTF-8''")[2]) if "*=" in header else message.get_filename()

    assert header.isascii()
    assert header.isprintable()
    assert message.get_content_disposition() == "attachment"
    assert name
    assert not any(unicodedata.category(c)[0] == "C" for c in name)
    assert not set(name) & set('/\\:*?"<>|\0')
    assert len(name) <= LONGEST_NAME
