import gzip
import io
import zipfile

import pytest

from services.parser.domain.file_type import BINARY, HTML, TEXT, sniff


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "content")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (gzip.compress(b"text"), "a gzip archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(9), "a JPEG image"),
        (zipped("a.txt"), "a ZIP archive"),
        (zipped("word/document.xml"), "a Word document"),
        (zipped("xl/workbook.xml"), "an Excel workbook"),
        (b'{"a": 1}', "a JSON file"),
        (b"<?xml version='1.0'?><rss><channel/></rss>", "an XML file"),
        (b"<!DOCTYPE l [<!ENTITY x 'y'>]><l>&x;</l>", "an XML file"),
        (b"From: a@example.org\nMessage-ID: <1@example.org>\n\nHello", "an e-mail message"),
    ],
)
def test_a_known_type_is_named_in_words(data: bytes, words: str) -> None:
    assert words == sniff(data).words


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><title>x</title>",
        b"\xef\xbb\xbf  <HTML>",
        b"<!-- saved -->\n<div>x</div>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html><html></html>',
        "<html><body>x</body></html>".encode("utf-16"),
        b"<p>a fragment",
    ],
)
def test_html_is_known_by_its_first_tag(data: bytes) -> None:
    assert HTML == sniff(data)


@pytest.mark.parametrize(
    "data",
    [
        b"The council met.",
        "Съвет".encode("utf-16"),
        "The council".encode("utf-16-le"),
        "Gespräch".encode("latin-1"),
        b"Use the <p> tag.",
        b"[1] A footnote",
    ],
)
def test_text_is_text_in_any_encoding(data: bytes) -> None:
    assert TEXT == sniff(data)


@pytest.mark.parametrize("data", [bytes(100), bytes(range(256)) * 4])
def test_what_is_neither_text_nor_known_is_binary(data: bytes) -> None:
    assert BINARY == sniff(data)
