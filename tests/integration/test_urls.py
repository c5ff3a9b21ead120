"""Files that name web pages, dropped into the inbox: the pages are found, and what is not fetched is told."""

import plistlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.fetcher.adapters.pages import place_of
from services.fetcher.domain.identity import document_id_of
from tests.integration.test_health import wait_until
from tests.servers import RedisServer
from tests.services import Services, running_services
from tests.site import Answer, Site, running_site

pytestmark = pytest.mark.parametrize("redis_server", ["valkey-server"], indirect=True)


def page(word: str) -> Answer:
    """Return a page of its own."""
    paragraph = f"The {word} left six hours late on Tuesday, and the harbour master said that nobody had been told why."
    return Answer(f"<html><title>News of the {word}</title><body><article><p>{paragraph}</p></article></body>".encode())


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        words = ("ferry", "tanker", "barge", "yacht", "trawler", "canoe")
        site.answers |= {f"/{word}": page(word) for word in words}
        site.answers["/robots.txt"] = Answer(b"User-agent: *\nDisallow: /members\n")
        yield site


@pytest.fixture
def services(redis_server: RedisServer, tmp_path: Path) -> Iterator[Services]:
    web = {"DATELINE_WEB_NETWORKS": "127.0.0.0/8", "DATELINE_WEB_PAUSE_SECONDS": "0", "DATELINE_FEED_SECONDS": "1"}
    with running_services(tmp_path, redis_server.url, environment=lambda _: web) as services:
        services.wait_until("accepted", 0)
        wait_until(lambda: services.ready("fetcher"), 30, "the fetcher is ready")
        yield services


def found(services: Services, word: str) -> list[str]:
    """Return the addresses of the pages that are found by this word."""
    return [hit["source"]["url"] for hit in services.get("/search", q=word)["hits"]]


def wait_for(services: Services, word: str, url: str) -> None:
    wait_until(lambda: found(services, word) == [url], 30, f"{word} is found")


def test_pages_that_files_name_become_documents(services: Services, site: Site, client: Any) -> None:
    feed = f"<rss><channel><item><link>{site.address}/yacht</link></item></channel></rss>"
    site.answers["/feed"] = Answer(feed.encode())
    (services.inbox / "Ferry.url").write_text(f"[InternetShortcut]\r\nURL={site.address}/ferry\r\n")
    (services.inbox / "Tanker.webloc").write_bytes(plistlib.dumps({"URL": f"{site.address}/tanker"}))
    listed = ("barge", "members/only", "none")
    (services.inbox / "urls.txt").write_text(
        "".join(f"{site.address}/{p}\n" for p in listed) + "http://10.0.0.1/\nftp://a\n"
    )
    (services.inbox / "mine.opml").write_text(f'<opml><body><outline xmlUrl="{site.address}/feed"/></body></opml>')
    for word in ("ferry", "tanker", "barge", "yacht"):
        wait_for(services, word, f"{site.address}/{word}")
    services.wait_until("rejected", 4)
    rejected = services.get("/documents", state="rejected")["documents"]
    reasons = {one["source"]["url"]: one["reason"] for one in rejected}
    assert "robots.txt" in reasons[f"{site.address}/members/only"]
    assert "404" in reasons[f"{site.address}/none"]
    assert "no public address" in reasons["http://10.0.0.1/"]
    assert "write them in full" in reasons["ftp://a"]
    assert {one["source"]["inbox"] for one in rejected} == {"web"}
    assert services.status()["accepted"] == 8  # the files that name them are no documents

    site.answers["/feed"] = Answer(feed.replace("yacht", "trawler").encode())
    wait_for(services, "trawler", f"{site.address}/trawler")
    (services.inbox / "mine.opml").unlink()
    wait_until(lambda: services.ask("fetcher", "/feeds").json()["total"] == 0, 10, "no feed is polled")
    assert found(services, "yacht") == [f"{site.address}/yacht"]


def test_pages_that_are_asked_for_by_http_become_documents(services: Services, site: Site, client: Any) -> None:
    url = f"{site.address}/canoe"
    answer = httpx.post(f"{services.address('fetcher')}/urls", json={"urls": [url, "nonsense"]}, timeout=10)
    assert answer.status_code == 202, answer.text
    assert answer.json()["pages"] == [{"url": url, "document_id": document_id_of(place_of(url))}]
    assert [one["url"] for one in answer.json()["refused"]] == ["nonsense"]
    wait_for(services, "canoe", url)
    document = services.get(f"/documents/{answer.json()['pages'][0]['document_id']}")
    assert (document["source"]["url"], document["source"]["inbox"]) == (url, "web")


def test_a_file_that_names_pages_and_becomes_a_text_is_a_document(services: Services, site: Site, client: Any) -> None:
    listing = services.inbox / "urls.txt"
    listing.write_text(f"{site.address}/barge\n")
    wait_for(services, "barge", f"{site.address}/barge")
    listing.write_text("A schooner is no address, and this is a text about one that has enough words to be told apart.")
    services.wait_until("accepted", 2)
    services.wait_until("indexed", 2)
    (hit,) = services.get("/search", q="schooner")["hits"]
    assert (hit["source"]["path"], hit["source"]["url"]) == ("urls.txt", None)
    listing.write_text(f"{site.address}/barge\n{site.address}/canoe\n")
    wait_for(services, "canoe", f"{site.address}/canoe")
    services.wait_until("removed", 1)
    assert found(services, "schooner") == []
    assert site.times("/barge") == 1
