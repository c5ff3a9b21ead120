"""Events: small, frozen, in the past tense. Bodies travel as a `BlobRef` (claim check).

`sequence` orders everything that ever happened to a document: it is given by the fetcher's ledger, grows by
every event, and lets a consumer drop what arrives late. Consumers read every `schema_version` ever published,
producers write the newest.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

DocumentId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Sequence = Annotated[int, Field(ge=0, le=2**53)]

SettledState = Literal["indexed", "duplicate", "rejected", "removed"]


class Value(BaseModel):
    """A frozen part of a message."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(Value):
    """Something that happened to one document."""

    schema_version: Literal[1] = 1
    document_id: DocumentId
    sequence: Sequence


class BlobRef(Value):
    """Claim check for bytes in the blob store. `size` in bytes."""

    sha256: Sha256
    size: int = Field(ge=0)
    media_type: str = "application/octet-stream"


class InlineText(Value):
    """Text small enough to travel in the message: zlib-compressed UTF-8, base64, at most 16 kB compressed."""

    data: str = Field(max_length=22_000)


class Source(Value):
    """Where a document came from: the inbox's name and the path beneath it, as people read it.

    `tags` are the names of the folders it lies in. `url` is where a page was fetched from.
    """

    inbox: str = "inbox"
    path: str = Field(max_length=16_384)
    tags: tuple[str, ...] = Field(default=(), max_length=64)
    url: str | None = Field(default=None, max_length=8_192)


class StageTimes(Value):
    """When each stage was done with the document, in UTC; None while it has not been."""

    accepted: AwareDatetime
    fetched: AwareDatetime | None = None
    parsed: AwareDatetime | None = None
    indexed: AwareDatetime | None = None


class Attempt(Value):
    """One delivery of a document to a stage, and what came of it.

    `lost`: its worker ended before it could tell; nothing is known but that there was such an attempt.
    """

    stage: str
    number: int = Field(ge=1, description="Which delivery it was.")
    outcome: Literal["done", "failed", "lost"]
    worker: str | None = None
    started: AwareDatetime | None = None
    ended: AwareDatetime | None = None
    error: str | None = Field(default=None, max_length=500)


#: Of a document that is replayed again and again, the last ones.
MOST_ATTEMPTS = 100
#: All attempts on a document so far, in their order: at most three a stage, and a replay's again.
Trace = Annotated[tuple[Attempt, ...], Field(max_length=MOST_ATTEMPTS)]


class DocumentFetched(Event):
    """The fetcher has the bytes of a new or edited document in the blob store."""

    source: Source
    content: BlobRef
    modified: AwareDatetime | None = None
    times: StageTimes
    trace: Trace = ()


class DocumentParsed(Event):
    """The parser has made a `ParsedDocument` of it, inline when small, else in the blob store."""

    source: Source
    content: BlobRef
    modified: AwareDatetime | None = None
    times: StageTimes
    parser_version: str
    parsed: InlineText | BlobRef
    trace: Trace = ()


class DocumentMoved(Event):
    """The same bytes lie at another path now; nothing is parsed again."""

    kind: Literal["moved"] = "moved"
    source: Source


class DocumentRemoved(Event):
    """The file is gone from the inbox."""

    kind: Literal["removed"] = "removed"
    source: Source


class DocumentDuplicated(Event):
    """A second file holds the bytes of a document that is already known."""

    kind: Literal["duplicated"] = "duplicated"
    source: Source
    content: BlobRef
    duplicate_of: DocumentId
    times: StageTimes
    trace: Trace = ()


DocumentChanged = Annotated[DocumentMoved | DocumentRemoved | DocumentDuplicated, Field(discriminator="kind")]


class DocumentRejected(Event):
    """A document that cannot be processed, with a reason a person understands, and all that a replay needs."""

    source: Source | None = None
    content: BlobRef | None = None
    times: StageTimes | None = None
    trace: Trace = ()
    stage: str
    reason: str = Field(max_length=2_000)
    error: str = Field(default="", max_length=20_000, description="Traceback, for whoever mends the software.")
    deliveries: int = Field(default=1, ge=0)
    rejected: AwareDatetime
    stream: str | None = Field(default=None, description="Where a replay puts the message back.")
    message: str | None = Field(default=None, description="The message as it was delivered, base64.")


class DocumentSettled(Event):
    """The document has reached a state it stays in until something happens to its file."""

    state: SettledState
    reason: str | None = Field(default=None, max_length=2_000)
