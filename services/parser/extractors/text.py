"""Plain text: scraped pages, notes, wire copy."""

from collections.abc import Sequence

from services.parser.domain.file_type import TEXT, FileType
from services.parser.domain.paragraphs import paragraphs
from services.parser.domain.separation import article_range, separate
from services.parser.domain.title import find_title
from services.parser.extractors.extraction import Extraction
from shared.errors import RejectedDocument


class TextExtractor:
    """Unwraps, separates the article from what surrounds it, and finds the title."""

    name = "text"

    def reads(self, file_type: FileType) -> bool:
        """Tell whether files of this type are this extractor's."""
        return file_type == TEXT

    def extract(self, text: str) -> Extraction:
        """Return the article in the clean text. Raises `RejectedDocument` where there is no text at all."""
        blocks = paragraphs(text)
        if not blocks:
            raise RejectedDocument("The file holds nothing but white space")
        return article_in(blocks)


def article_in(blocks: Sequence[str]) -> Extraction:
    """Return the article in the blocks of a page, of which there is at least one."""
    place = find_title(blocks, article_range(blocks).begin)
    title = None if place is None else blocks[place]
    separation = separate([block for i, block in enumerate(blocks) if i != place])
    return Extraction(title, separation.body, separation.cut)
