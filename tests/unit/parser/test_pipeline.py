import unicodedata
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.parser.domain.language import language
from services.parser.pipeline import MOST_CHARACTERS, parse
from shared.errors import RejectedDocument

PARAGRAPHS = (
    "The harbour authority closed the northern pier on Friday after divers found cracks in its pillars.",
    "Repairs will take six weeks, said the harbour master, who has asked the ministry for more money.",
    "The fishing boats, about forty of them, must land their catch at the southern quay until May.",
)
PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>Northern pier closed</title>
<meta name="author" content="Ada Quay"><meta property="article:published_time" content="2024-03-08T09:00:00Z">
<script>var hidden = "script text"</script></head><body>
<nav><ul><li><a href="/">Front page</a></li><li><a href="/tides">Tide tables</a></li></ul></nav>
<article><h1>Northern pier closed</h1>{"".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)}</article>
<footer><p>Harbour Gazette, published by nobody in particular</p></footer></body></html>"""


def test_a_text_is_parsed_into_title_body_and_language() -> None:
    document = parse("\n".join(("Northern pier closed after divers find cracks", "", *PARAGRAPHS)).encode(), "pier.txt")
    assert "Northern pier closed after divers find cracks" == document.title
    assert "\n\n".join(PARAGRAPHS) == document.body
    assert ("en", "text/plain", "text") == (document.language, document.media_type, document.extractor)


def test_a_page_is_parsed_into_article_and_metadata() -> None:
    document = parse(PAGE.encode(), "pier.txt")
    assert ("Northern pier closed", "html") == (document.title, document.extractor)
    assert all(paragraph in document.body for paragraph in PARAGRAPHS)
    assert (datetime(2024, 3, 8, tzinfo=UTC), ("Ada Quay",)) == (document.published, document.authors)


def test_a_page_keeps_what_was_cut_with_its_reason() -> None:
    cut = {block.text: block for block in parse(PAGE.encode(), "pier.html").cut}
    assert ("navigation", "inside <nav>") == (cut["Front page"].kind, cut["Front page"].reason)
    assert "inside <footer>" == cut["Harbour Gazette, published by nobody in particular"].reason
    assert not any("script text" in text for text in cut)


def test_a_page_in_which_nothing_is_an_article_keeps_its_text() -> None:
    assert "Open daily" in parse(b"<html><body><div><span>Open daily</span></div></body></html>", "x").body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The file is empty"),
        (b" \n\t\r\n", "The file holds nothing but white space"),
        (bytes(500), "This is binary data of an unknown kind; Dateline reads plain text and HTML so far"),
        (b"%PDF-1.4\n", "This is a PDF document; Dateline reads plain text and HTML so far"),
        (b"<html><body><script>x()</script></body></html>", "The page holds no readable text"),
    ],
)
def test_a_rejection_tells_its_sender_why(data: bytes, reason: str) -> None:
    with pytest.raises(RejectedDocument) as rejection:
        parse(data, "report.txt")
    assert reason == str(rejection.value)


def test_a_text_over_the_limit_is_cut_short_and_says_so() -> None:
    document = parse(b"word " * (MOST_CHARACTERS // 5 + 1), "long.txt")
    assert (True, MOST_CHARACTERS) == (document.truncated, len(document.body))


def test_deeply_nested_markup_is_read_without_recursion() -> None:
    document = parse(b"<p>Above all else</p>" + b"<div>" * 5_000, "deep.html")
    assert "Above all else" == document.body


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PARAGRAPHS[0], "en"),
        (
            "Die Hafenbehörde schloss am Freitag den nördlichen Pier, weil Taucher Risse gefunden hatten.",
            "de",
        ),
        ("Autoriteti i portit mbylli të premten skelën veriore, pasi zhytësit gjetën të çara.", "sq"),
        ("أغلقت هيئة الميناء الرصيف الشمالي يوم الجمعة بعد العثور على شقوق", "ar"),
        ("Pier", None),
        ("12345 67890 / 2024", None),
    ],
)
def test_the_language_is_told_or_left_open(text: str, code: str | None) -> None:
    assert code == language(text)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode(errors="replace"))))
def test_any_bytes_are_parsed_or_rejected(data: bytes) -> None:
    """The law: no bytes make the parser fail in another way, and what comes out is clean."""
    try:
        document = parse(data, "any")
    except RejectedDocument:
        return
    assert unicodedata.is_normalized("NFC", document.body)
    assert not [c for c in document.body if unicodedata.category(c) in ("Cc", "Cs") and c != "\n"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["<p>", "</p>", "<html>", "<nav>", "<b", "&amp;", "x. ", "<!--", "<table><td>", "\0"])))
def test_any_markup_is_parsed_or_rejected(pieces: list[str]) -> None:
    """The law: broken markup is repaired or rejected, never a failure."""
    with suppress(RejectedDocument):
        assert "html" == parse(("<html>" + "".join(pieces)).encode(), "any.html").extractor
