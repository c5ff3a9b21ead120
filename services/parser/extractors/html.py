"""HTML pages: trafilatura finds the article, our own walk keeps what it left out.

A. Barbaresi, "Trafilatura: A Web Scraping Library and Command-Line Tool for Text Discovery and Extraction",
ACL 2021.
"""

from datetime import UTC, datetime

from lxml import html
from trafilatura import bare_extraction
from trafilatura.settings import Document

from services.parser.domain.clean_text import clean, one_line
from services.parser.domain.file_type import HTML, FileType
from services.parser.domain.language import language
from services.parser.domain.page import PageBlock, tree_of, visible_blocks
from services.parser.domain.separation import kind_of
from services.parser.extractors.extraction import Extraction
from services.parser.extractors.text import article_in
from shared.contracts import CutBlock, CutKind
from shared.errors import RejectedDocument

#: Shorter blocks must equal a paragraph to count as part of the article: "Share" stands inside many a
#: sentence.
_TELLING = 25
_KINDS: dict[str | None, CutKind] = {"nav": "navigation", "menu": "navigation", "aside": "teaser"}


class HtmlExtractor:
    """Finds the article of a page, with its title, date and authors."""

    name = "html"

    def reads(self, file_type: FileType) -> bool:
        """Tell whether files of this type are this extractor's."""
        return file_type == HTML

    def extract(self, text: str) -> Extraction:
        """Return the article of the page. Raises `RejectedDocument` where no text can be seen."""
        tree = tree_of(text)
        blocks = visible_blocks(tree) if tree is not None else []
        if not blocks:
            raise RejectedDocument("The page holds no readable text")
        return _found_by_trafilatura(tree, blocks) or article_in([block.text for block in blocks])


def _found_by_trafilatura(tree: html.HtmlElement, blocks: list[PageBlock]) -> Extraction | None:
    found = bare_extraction(tree, favor_precision=True, include_comments=False, with_metadata=True)
    if not isinstance(found, Document):
        return None
    paragraphs = tuple(filter(None, map(one_line, clean(found.text or "").split("\n"))))
    if not paragraphs:
        return None
    return Extraction(
        title=one_line(clean(found.title or "")) or None,
        paragraphs=paragraphs,
        cut=_left_out(blocks, paragraphs, found.title),
        published=_date(found.date),
        authors=tuple(filter(None, map(one_line, clean(found.author or "").split(";")))),
    )


def _left_out(blocks: list[PageBlock], paragraphs: tuple[str, ...], title: str | None) -> tuple[CutBlock, ...]:
    kept = {_squeezed(paragraph) for paragraph in paragraphs} | {_squeezed(title or "")}
    article = _squeezed(" ".join(paragraphs))
    spoken = language("\n".join(paragraphs))
    left = []
    for block in blocks:
        squeezed = _squeezed(block.text)
        if squeezed not in kept and not (len(squeezed) >= _TELLING and squeezed in article):
            kind = _KINDS.get(block.landmark) or kind_of(block.text, spoken)
            reason = f"inside <{block.landmark}>" if block.landmark else "not part of the article"
            left.append(CutBlock(text=block.text, kind=kind, reason=reason))
    return tuple(left)


def _squeezed(text: str) -> str:
    """Return the letters and digits alone: marks for tables and lists are the extractor's, not the page's."""
    return "".join(filter(str.isalnum, text))


def _date(day: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    except ValueError:
        return None
