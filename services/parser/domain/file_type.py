"""What a file is, told from its first bytes; its name is never believed.

Signatures: the formats' own specifications, as collected in https://www.iana.org/assignments/media-types
and the `magic` database of file(1).
"""

import re
from dataclasses import dataclass

from services.parser.domain.decoding import BYTE_ORDER_MARKS


@dataclass(frozen=True)
class FileType:
    """A media type and its name in words, with article: `a PDF document`."""

    media_type: str
    words: str


HTML = FileType("text/html", "an HTML page")
TEXT = FileType("text/plain", "plain text")
BINARY = FileType("application/octet-stream", "binary data of an unknown kind")
_ZIP = FileType("application/zip", "a ZIP archive")

#: (offset, signature, type), the first match counts.
_SIGNATURES = (
    (0, b"%PDF-", FileType("application/pdf", "a PDF document")),
    (0, b"\x1f\x8b", FileType("application/gzip", "a gzip archive")),
    (0, b"BZh", FileType("application/x-bzip2", "a bzip2 archive")),
    (0, b"\xfd7zXZ\0", FileType("application/x-xz", "an xz archive")),
    (0, b"\x28\xb5\x2f\xfd", FileType("application/zstd", "a Zstandard archive")),
    (0, b"7z\xbc\xaf\x27\x1c", FileType("application/x-7z-compressed", "a 7-Zip archive")),
    (0, b"Rar!\x1a\x07", FileType("application/vnd.rar", "a RAR archive")),
    (257, b"ustar", FileType("application/x-tar", "a tar archive")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileType("application/x-ole-storage", "an old Office document")),
    (0, b"{\\rtf", FileType("application/rtf", "an RTF document")),
    (0, b"%!PS", FileType("application/postscript", "a PostScript document")),
    (0, b"WARC/", FileType("application/warc", "a web archive (WARC)")),
    (0, b"\x89PNG\r\n\x1a\n", FileType("image/png", "a PNG image")),
    (0, b"\xff\xd8\xff", FileType("image/jpeg", "a JPEG image")),
    (0, b"GIF8", FileType("image/gif", "a GIF image")),
    (0, b"II*\0", FileType("image/tiff", "a TIFF image")),
    (0, b"MM\0*", FileType("image/tiff", "a TIFF image")),
    (8, b"WEBP", FileType("image/webp", "a WebP image")),
    (4, b"ftyp", FileType("video/mp4", "a video or audio recording")),
    (0, b"ID3", FileType("audio/mpeg", "an audio recording")),
    (0, b"OggS", FileType("audio/ogg", "an audio recording")),
    (8, b"WAVEfmt", FileType("audio/wav", "an audio recording")),
    (0, b"\x1aE\xdf\xa3", FileType("video/webm", "a video recording")),
    (0, b"\x7fELF", FileType("application/x-elf", "a program")),
    (0, b"SQLite format 3\0", FileType("application/vnd.sqlite3", "an SQLite database")),
)
#: What an archive that begins like a ZIP file says it is, by a name in its first entries.
_ZIPPED = (
    (b"application/epub+zip", FileType("application/epub+zip", "an EPUB book")),
    (
        b"application/vnd.oasis.opendocument",
        FileType("application/vnd.oasis.opendocument", "an OpenDocument file"),
    ),
    (
        b"word/",
        FileType("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a Word document"),
    ),
    (
        b"xl/",
        FileType("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "an Excel workbook"),
    ),
    (
        b"ppt/",
        FileType("application/vnd.openxmlformats-officedocument.presentationml.presentation", "a presentation"),
    ),
)
_HTML_TAG = (
    rb"<(?:!doctype\s+html|html|head|body|title|meta|link|base|script|style|div|p|br|hr|span|a|b|i|em|strong"
    rb"|h[1-6]|article|section|main|nav|header|footer|ul|ol|li|table|tr|td|blockquote|pre|form|img|center|font)\b"
)
_BEGINS_AS_HTML = re.compile(rb"(?:\s|<!--.{0,2000}?-->|<\?xml[^>]{0,200}>)*+" + _HTML_TAG, re.IGNORECASE | re.DOTALL)
_HTML_INSIDE = re.compile(rb"<html[\s>]|<body[\s>]", re.IGNORECASE)
_MARKED_UP = (
    (
        re.compile(rb"\s*<\?xml|\s*<!doctype|\s*<[!?]?[a-z][\w:-]*[^<>]*>\s*<", re.IGNORECASE),
        FileType("application/xml", "an XML file"),
    ),
    (re.compile(rb"\s*(\{\s*[\"}]|\[\s*[\[{\"\]])"), FileType("application/json", "a JSON file")),
    (
        re.compile(
            rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:received|message-id|mime-version|return-path):",
            re.IGNORECASE,
        ),
        FileType("message/rfc822", "an e-mail message"),
    ),
    (re.compile(rb"From \S+ [^\n]*\d\d:\d\d[^\n]*\n[!-9;-~]+:"), FileType("application/mbox", "a mailbox")),
)
#: Bytes looked at: enough for a comment or a licence before the first tag.
_SAMPLE = 65_536
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b")) + b"\x7f"
#: Share of control bytes in a file that is still text. Random bytes have 11 %, text of any encoding next to
#: none.
_BINARY_SHARE = 0.02


def sniff(data: bytes) -> FileType:
    """Return what the bytes are. Never fails: what is not known is `BINARY`."""
    for offset, signature, file_type in _SIGNATURES:
        if data.startswith(signature, offset):
            return file_type
    if data.startswith((b"PK\3\4", b"PK\5\6")):
        return next((kind for name, kind in _ZIPPED if name in data[:_SAMPLE]), _ZIP)
    sample = _as_utf8(data[:_SAMPLE])
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > _BINARY_SHARE * len(sample):
        return BINARY
    return _sniff_text(sample)


def _sniff_text(sample: bytes) -> FileType:
    if _BEGINS_AS_HTML.match(sample) or _HTML_INSIDE.search(sample[:4096]):
        return HTML
    return next((kind for pattern, kind in _MARKED_UP if pattern.match(sample)), TEXT)


def _as_utf8(sample: bytes) -> bytes:
    for mark, encoding in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return sample[len(mark) :].decode(encoding, errors="replace").encode(errors="replace")
    zeros_at_even, zeros_at_odd = sample[::2].count(0), sample[1::2].count(0)
    if max(zeros_at_even, zeros_at_odd) > 0.4 * len(sample) and min(zeros_at_even, zeros_at_odd) < 0.1 * len(sample):
        return sample.replace(b"\0", b"")  # Latin text in UTF-16 without a mark: every other byte is zero
    return sample
