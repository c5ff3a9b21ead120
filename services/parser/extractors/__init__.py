"""One file a format; the first extractor in the list that reads a file's type gets it."""

from services.parser.extractors.extraction import Extraction, Extractor
from services.parser.extractors.html import HtmlExtractor
from services.parser.extractors.text import TextExtractor

EXTRACTORS: tuple[Extractor, ...] = (HtmlExtractor(), TextExtractor())

__all__ = ["EXTRACTORS", "Extraction", "Extractor"]
