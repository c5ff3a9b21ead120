"""What the parser makes of a document."""

from typing import Literal

from pydantic import AwareDatetime, Field

from shared.contracts.events import Value

CutKind = Literal["navigation", "teaser", "other-language", "contact", "sign-off", "comment", "legal", "other"]


class CutBlock(Value):
    """A block of the page that is not part of the article; kept so that a person can see what was cut.

    `score` is the separator's score of the block: the lower, the surer the cut. 0 where a rule decided.
    """

    text: str
    kind: CutKind
    reason: str
    score: float = 0.0


class ParsedDocument(Value):
    """The article without the page. `body` is paragraphs joined by a blank line, in NFC."""

    title: str | None = None
    body: str
    language: str | None = Field(default=None, description="ISO 639-1 code, or None where it cannot be told.")
    published: AwareDatetime | None = None
    authors: tuple[str, ...] = ()
    media_type: str
    extractor: str = Field(description="Which extractor made this, e.g. `text` or `html`.")
    cut: tuple[CutBlock, ...] = ()
    truncated: bool = Field(default=False, description="True where a limit cut the text short.")
