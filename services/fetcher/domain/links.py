"""Files that name web pages instead of being one, and the entries of feeds.

What a desktop writes when a link is dragged out of a browser (`*.url`, `*.webloc`), lists (`urls.txt`), and feeds:
`*.opml` (OPML 2.0) and `*.feed`, which is a feed that was saved or names feeds, one a line.
"""

import json
import plistlib
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import urljoin
from xml.parsers.expat import ExpatError

from lxml import etree

from shared.errors import RejectedDocument

#: Bytes of such a file, and addresses in it, at most.
MOST_BYTES, MOST_ADDRESSES = 10 * 2**20, 10_000
#: Entries of a feed that are followed: feeds hold their newest few dozen.
MOST_ENTRIES = 1_000
#: What an XML document is read for.
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"


class Links(NamedTuple):
    """Addresses as they were written: of pages to fetch, and of feeds to poll."""

    pages: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()


def names_addresses(path: bytes) -> bool:
    """Whether a file of this name is read for the addresses in it."""
    return path.rpartition(b"/")[2].lower() == b"urls.txt" or _ending(path) in {".url", ".webloc", ".opml", ".feed"}


def links_in(path: bytes, content: bytes) -> Links | None:
    """Return the addresses in such a file; None when it is an ordinary document in spite of its name.

    Raises:
        RejectedDocument: it should name an address, and does not, or names too many; says which.
    """
    match _ending(path):
        case ".url":
            links = Links(pages=(_shortcut(content),))
        case ".webloc":
            links = Links(pages=(_webloc(content),))
        case ".opml":
            links = Links(feeds=tuple(_outlines(content)))
        case ".feed":
            links = _feed(content)
        case _:
            links = Links(pages=_lines(content))
    if len(links.pages) + len(links.feeds) > MOST_ADDRESSES:
        raise RejectedDocument(f"This file names more than {MOST_ADDRESSES:,} addresses; split it into several.")
    return links if any(links) else None


def entries_of(content: bytes, url: str) -> list[str]:
    """Return the addresses of a feed's entries, the first first, at most `MOST_ENTRIES`.

    RSS 0.9x, 1.0 and 2.0, Atom (RFC 4287), and JSON Feed 1.1, as well as they can be read: many feeds are not quite
    XML.

    Args:
        url: of the feed, which the addresses in it may be relative to.

    Raises:
        RejectedDocument: this is no feed.
    """
    entries = _json_entries(content) if content.lstrip()[:1] == b"{" else _xml_entries(_xml(content))
    found: dict[str, None] = {}
    for entry in entries:
        found[_joined(url, entry)] = None
        if len(found) == MOST_ENTRIES:
            break
    return list(found)


def _ending(path: bytes) -> str:
    return PurePosixPath(path.decode("utf-8", "surrogateescape")).suffix.lower()


def _lines(content: bytes) -> tuple[str, ...]:
    """Return what a list names, one a line; nothing when its first line is no address: it is a text, then."""
    lines = [line.strip() for line in _text(content).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return tuple(lines) if lines and re.match(r"https?://", lines[0], re.IGNORECASE) else ()


def _shortcut(content: bytes) -> str:
    found = re.search(r"^[ \t]*URL[ \t]*=[ \t]*(\S+)", _text(content), re.IGNORECASE | re.MULTILINE)
    if not found:
        raise RejectedDocument("This internet shortcut names no address (a line `URL=https://…`).")
    return found[1]


def _webloc(content: bytes) -> str:
    try:
        found = plistlib.loads(content).get("URL")
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError, RecursionError, ExpatError):
        found = None
    if not isinstance(found, str) or not found.strip():
        raise RejectedDocument("This web location names no address (a property list with the key `URL`).")
    return found.strip()


def _outlines(content: bytes) -> Iterator[str]:
    for outline in _xml(content).iter("{*}outline"):
        address = next((str(value) for name, value in outline.items() if str(name).lower() == "xmlurl"), "").strip()
        if address:
            yield address


def _feed(content: bytes) -> Links:
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in {b"<", b"{"}:
        lines = _lines(content)
        if not lines:
            raise RejectedDocument("This file names no feed: write the addresses of feeds into it, one a line.")
        return Links(feeds=lines)
    own = _own_address(content)
    return Links(pages=tuple(entries_of(content, own)), feeds=(own,) if own else ())


def _own_address(content: bytes) -> str:
    """Return where a saved feed says that it is from, an empty string when it does not."""
    if content.lstrip()[:1] == b"{":
        return str(_json(content).get("feed_url") or "")
    links = (link for link in _xml(content).iter("{http://www.w3.org/2005/Atom}link") if link.get("rel") == "self")
    return next((link.get("href", "").strip() for link in links), "")


def _json_entries(content: bytes) -> Iterator[str]:
    items = _json(content).get("items")
    for item in items if isinstance(items, list) else ():
        address = (item.get("url") or item.get("external_url")) if isinstance(item, dict) else None
        if isinstance(address, str):
            yield address


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not str(found.get("version", "")).startswith("https://jsonfeed.org/"):
        raise RejectedDocument("This is no feed (RSS, Atom or JSON Feed).")
    return found


def _xml_entries(root: etree._Element) -> Iterator[str]:
    if etree.QName(root).localname.lower() not in {"rss", "rdf", "feed"}:
        raise RejectedDocument("This is no feed (RSS, Atom or JSON Feed).")
    for entry in root.iter("{*}item", "{*}entry"):
        address = _address_of(entry)
        if address:
            yield _joined(_base_of(entry), address)


def _address_of(entry: etree._Element) -> str:
    for link in entry.iterchildren("{*}link"):
        if link.get("href") and link.get("rel", "alternate") == "alternate":
            return link.get("href", "").strip()
        if link.text and link.text.strip():
            return link.text.strip()
    guid = entry.find("{*}guid")
    permanent = guid is not None and guid.get("isPermaLink", "true").lower() == "true"
    return (guid.text or "").strip() if guid is not None and permanent else ""


def _base_of(entry: etree._Element) -> str:
    base = ""
    for element in [*reversed(list(entry.iterancestors())), entry]:
        base = _joined(base, element.get(XML_BASE, ""))
    return base


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:  # it is told when it is to be fetched
        return address


def _xml(content: bytes) -> etree._Element:
    # Nothing is loaded or expanded; what is not well-formed is read as far as it can be.
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise RejectedDocument(f"This file cannot be read as XML: {error}.") from error
    if root is None:
        raise RejectedDocument("This file cannot be read as XML.")
    return root


def _text(content: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    return content.decode("utf-8", "replace")
