"""What every extractor offers and returns."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.parser.domain.file_type import FileType
from shared.contracts import CutBlock


@dataclass(frozen=True)
class Extraction:
    """An article out of its file: paragraphs in reading order, and what was cut away."""

    title: str | None
    paragraphs: tuple[str, ...]
    cut: tuple[CutBlock, ...] = ()
    published: datetime | None = None
    authors: tuple[str, ...] = ()


class Extractor(Protocol):
    """Reads the files of one format. Pure: bytes in, text out."""

    #: Stands on every document it made.
    name: str

    def reads(self, file_type: FileType) -> bool:
        """Tell whether files of this type are this extractor's."""
        ...

    def extract(self, text: str) -> Extraction:
        """Return the article in the clean text. Raises `RejectedDocument` where there is none."""
        ...
