"""From bytes to a `ParsedDocument`: sniff, decode, extract, tell the language. Pure: no I/O.

Runs in a child of the `sandbox`, on bytes from strangers: whatever goes wrong here for good is a
`RejectedDocument`, and what takes too long or too much memory is stopped from outside.
"""

from services.parser.domain.clean_text import clean
from services.parser.domain.decoding import decode
from services.parser.domain.file_type import BINARY, FileType, sniff
from services.parser.domain.language import language
from services.parser.extractors import EXTRACTORS, Extraction, Extractor
from shared.contracts import CutBlock, ParsedDocument
from shared.errors import RejectedDocument

#: Goes up when the same bytes would make another document.
PARSER_VERSION = "1"
#: Bytes of a file that are read: a book has 2 MB, the page of a live ticker 5.
MOST_BYTES = 32 << 20
#: Characters of a body: ten books; beyond it a file is data, not something to read.
MOST_CHARACTERS = 4_000_000
#: Characters of what is cut: a page has 10,000.
MOST_CUT_CHARACTERS = 1_000_000
#: Characters of a title that are kept.
_LONGEST_TITLE = 500


def parse(data: bytes, name: str) -> ParsedDocument:  # noqa: ARG001  for extractors that have more to go by
    """Return the document in the bytes; of more than 32 MiB, what the first 32 MiB hold.

    `name` is what its sender calls the file; it is not believed, and serves those who read the log.

    Raises:
        RejectedDocument: the file is empty, or of a kind Dateline does not read; the text tells its sender.
    """
    if not data:
        raise RejectedDocument("The file is empty")
    file_type = sniff(data)
    extractor = _extractor_for(file_type)
    text = clean(decode(data[:MOST_BYTES]))
    if not text.strip():
        raise RejectedDocument("The file holds nothing but white space")
    extraction = extractor.extract(text[: 2 * MOST_CHARACTERS])
    truncated = len(data) > MOST_BYTES or len(text) > 2 * MOST_CHARACTERS
    return _document(extraction, extractor.name, file_type, truncated)


def _extractor_for(file_type: FileType) -> Extractor:
    for extractor in EXTRACTORS:
        if extractor.reads(file_type):
            return extractor
    if file_type == BINARY:
        raise RejectedDocument("This is binary data of an unknown kind; Dateline reads plain text and HTML so far")
    raise RejectedDocument(f"This is {file_type.words}; Dateline reads plain text and HTML so far")


def _document(extraction: Extraction, extractor: str, file_type: FileType, truncated: bool) -> ParsedDocument:
    body = "\n\n".join(extraction.paragraphs)
    return ParsedDocument(
        title=extraction.title[:_LONGEST_TITLE] if extraction.title else None,
        body=body[:MOST_CHARACTERS],
        language=language(body),
        published=extraction.published,
        authors=extraction.authors,
        media_type=file_type.media_type,
        extractor=extractor,
        cut=_bounded(extraction.cut),
        truncated=truncated or len(body) > MOST_CHARACTERS,
    )


def _bounded(cut: tuple[CutBlock, ...]) -> tuple[CutBlock, ...]:
    left = MOST_CUT_CHARACTERS
    for i, block in enumerate(cut):
        left -= len(block.text)
        if left < 0:
            return cut[:i]
    return cut
