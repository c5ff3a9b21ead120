"""From bytes to characters: byte order mark, then strict UTF-8, then what the page says, then a guess.

The order is by how seldom each is wrong. Text that is valid UTF-8 by accident is next to impossible, while a
page's own `charset` is often a leftover.
"""

import codecs
import re

import charset_normalizer

from shared.errors import RejectedDocument

#: Longer marks first: UTF-32's little-endian mark begins with UTF-16's.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: The encodings a page may name. Python knows more, but some of them are programs (`unicode_escape`).
_PAGE_ENCODING = re.compile(
    r"utf-?(8|16)|iso-?8859-?\d+|windows-?\d+|cp\d+|koi8|gb|big5|shift|euc|iso-2022|mac|tis|ibm"
)
_DECLARED = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([a-z0-9_-]{2,40})", re.IGNORECASE)
#: Browsers read these names as their supersets (WHATWG Encoding Standard, section 4.2), and so pages mean
#: them.
_MEANT = {"iso-8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "iso-8859-9": "cp1254"}
#: Bytes shown to the guess: more does not change the answer, and it takes about 1 ms per kB.
_GUESSED_FROM = 16_384
#: Share of characters that may be undecodable before the guess is called wrong.
_UNDECODABLE = 0.02


def decode(data: bytes) -> str:
    """Return the bytes as characters. Raises `RejectedDocument` where no encoding makes text of them."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace")
    for encoding in ("utf-8", *_declared(data), *_unmarked_utf16(data)):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return _guessed(data)


def _declared(data: bytes) -> list[str]:
    match = _DECLARED.search(data[:4096])
    name = match[1].decode("ascii").lower() if match else ""
    return [_MEANT.get(name, name)] if _PAGE_ENCODING.match(name) else []


def _unmarked_utf16(data: bytes) -> list[str]:
    zeros_at_even, zeros_at_odd = data[:4096:2].count(0), data[1:4096:2].count(0)
    if max(zeros_at_even, zeros_at_odd) < 2:
        return []
    return ["utf-16-le" if zeros_at_odd > zeros_at_even else "utf-16-be"]


def _guessed(data: bytes) -> str:
    guess = charset_normalizer.from_bytes(data[:_GUESSED_FROM]).best()
    text = data.decode(guess.encoding, errors="replace") if guess else ""
    if not text or text.count("\ufffd") > _UNDECODABLE * len(text):
        raise RejectedDocument("The characters of this file are in no encoding Dateline knows; it may be damaged")
    return text
