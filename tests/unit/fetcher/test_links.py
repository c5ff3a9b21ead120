"""Files that name web pages or feeds, and the entries of feeds."""

import json
import plistlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.fetcher.domain.links import MOST_ADDRESSES, MOST_ENTRIES, Links, entries_of, links_in, names_addresses
from shared.errors import RejectedDocument

RSS = b"""<?xml version="1.0"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
<link>https://harbour.example/</link><atom:link rel="self" href="https://harbour.example/feed"/>
<item><title>Ferry</title><link> https://harbour.example/ferry </link><guid isPermaLink="false">7</guid></item>
<item><title>Bridge</title><guid>https://harbour.example/bridge</guid></item>
<item><title>No address</title><guid isPermaLink="false">8</guid></item>
<item><link>/relative</link></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://harbour.example/news/">
<link rel="self" href="https://harbour.example/atom"/>
<entry><link rel="edit" href="edit/1"/><link href="ferry"/></entry>
<entry xml:base="2026/"><link rel="alternate" href="bridge"/></entry></feed>"""
RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel rdf:about="https://harbour.example/"/><item><link>https://harbour.example/ferry</link></item></rdf:RDF>"""
JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "feed_url": "https://harbour.example/feed.json",
        "items": [{"id": "1", "url": "https://harbour.example/ferry"}, {"id": "2"}, {"external_url": "b"}, 3],
    }
).encode()
PAGE = "https://harbour.example/ferry"


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (b"a.url", True), (b"x/A.URL", True), (b"a.webloc", True), (b"subscriptions.opml", True), (b"a.feed", True),
        (b"urls.txt", True), (b"x/URLs.txt", True), (b"myurls.txt", False), (b"a.txt", False), (b"url", False),
        (b"\xff.url", True), (b"urls.txt/a", False),
    ],
)  # fmt: skip
def test_a_file_s_name_says_whether_it_names_addresses(path: bytes, names: bool) -> None:
    assert names == names_addresses(path)


@pytest.mark.parametrize(
    ("path", "content", "links"),
    [
        (b"a.url", b"[InternetShortcut]\r\nURL=https://harbour.example/ferry\r\nIconIndex=0\r\n", Links(pages=(PAGE,))),
        (b"a.url", "[InternetShortcut]\r\nurl = https://harbour.example/ferry".encode("utf-16"), Links(pages=(PAGE,))),
        (b"a.webloc", plistlib.dumps({"URL": PAGE}), Links(pages=(PAGE,))),
        (b"a.webloc", plistlib.dumps({"URL": PAGE}, fmt=plistlib.FMT_BINARY), Links(pages=(PAGE,))),
        (b"urls.txt", b"\xef\xbb\xbf# mine\n\nhttps://harbour.example/ferry\n  ftp://b \n", Links((PAGE, "ftp://b"))),
        (b"urls.txt", b"These are some addresses: https://harbour.example/ferry\n", None),
        (b"urls.txt", b"", None),
        (b"a.opml", b'<opml><body><outline><outline XMLURL="a"/></outline><outline xmlUrl=" b "/></body></opml>',
         Links(feeds=("a", "b"))),
        (b"a.opml", b"<opml><body><outline text='only thoughts'/></body></opml>", None),
        (b"a.feed", b"https://a.example/feed\n# x\nhttps://b.example/feed", Links(feeds=("https://a.example/feed", "https://b.example/feed"))),
        (b"a.feed", RSS, Links(pages=(PAGE, "https://harbour.example/bridge", "https://harbour.example/relative"),
         feeds=("https://harbour.example/feed",))),
        (b"a.feed", JSON_FEED, Links((PAGE, "https://harbour.example/b"), ("https://harbour.example/feed.json",))),
    ],
)  # fmt: skip
def test_a_file_names_pages_and_feeds(path: bytes, content: bytes, links: Links | None) -> None:
    assert links == links_in(path, content)


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        (b"a.url", b"[InternetShortcut]\n", "names no address"),
        (b"a.webloc", b"not a property list", "names no address"),
        (b"a.webloc", plistlib.dumps(["URL"]), "names no address"),
        (b"a.webloc", plistlib.dumps({"URL": 7}), "names no address"),
        (b"a.webloc", b"bplist00" + b"\xff" * 40, "names no address"),
        (b"a.feed", b"not a feed", "names no feed"),
        (b"a.feed", b"<html/>", "no feed"),
        (b"a.feed", b'{"items": []}', "no feed"),
        (b"a.opml", b"not XML", "cannot be read as XML"),
        (b"urls.txt", b"https://a.example/\n" * (MOST_ADDRESSES + 1), "split it"),
    ],
)
def test_a_file_that_should_name_an_address_and_does_not_is_told_so(path: bytes, content: bytes, reason: str) -> None:
    with pytest.raises(RejectedDocument, match=reason):
        links_in(path, content)


@pytest.mark.parametrize(
    ("feed", "entries"),
    [
        (RSS, [PAGE, "https://harbour.example/bridge", "https://harbour.example/relative"]),
        (ATOM, ["https://harbour.example/news/ferry", "https://harbour.example/news/2026/bridge"]),
        (RDF, [PAGE]),
        (JSON_FEED, [PAGE, "https://harbour.example/b"]),
        (b"<rss><channel><item><title>a & b &nbsp;</title><link>/ferry</link></item>", [PAGE]),
        (b"<rss><channel/></rss>", []),
        (b"<rss><item><link>http://[</link></item></rss>", ["http://["]),
    ],
)
def test_a_feed_s_entries_are_addresses(feed: bytes, entries: list[str]) -> None:
    assert entries == entries_of(feed, "https://harbour.example/feed")


def test_a_feed_is_followed_to_its_newest_entries_only() -> None:
    feed = b"<rss>%s</rss>" % b"".join(b"<item><link>/%d</link></item>" % n for n in range(MOST_ENTRIES + 5))
    assert entries_of(feed, "https://a.example/")[-1] == f"https://a.example/{MOST_ENTRIES - 1}"


def test_a_feed_cannot_bring_in_files_of_this_machine_or_grow_by_entities() -> None:
    outside = b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/hostname">]><rss><item><link>/&e;</link></item></rss>'
    assert entries_of(outside, "https://a.example/") == ["https://a.example/"]
    levels = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
    bomb = b'<!DOCTYPE r [<!ENTITY e0 "x">%s]><rss><item><link>/&e9;</link></item></rss>' % levels
    assert len(str(entries_of(bomb, "https://a.example/"))) < 100


@given(st.sampled_from([b"a.url", b"a.webloc", b"a.opml", b"a.feed", b"urls.txt"]), st.binary(max_size=200))
def test_whatever_is_in_such_a_file_it_names_addresses_or_is_refused(path: bytes, content: bytes) -> None:
    links = None
    with suppress(RejectedDocument):
        links = links_in(path, content)
    assert links is None or any(links)
