"""Claim check: a parsed document travels in the message while it is small, and as a blob when it is not.

Pattern: Hohpe and Woolf, Enterprise Integration Patterns, "Claim Check".
"""

import base64
import zlib

from shared.blobs import BlobStore
from shared.contracts import BlobRef, InlineText, ParsedDocument

#: Bytes, compressed, that may travel inline. Redis holds every backlog in memory; 16 kB covers most articles.
INLINE_LIMIT = 16_384
MEDIA_TYPE = "application/vnd.dateline.parsed+zlib"


def check_in(document: ParsedDocument, blobs: BlobStore) -> InlineText | BlobRef:
    """Return the claim for the document. Raises `TransientError` when the blob store does not take it."""
    packed = zlib.compress(document.model_dump_json().encode(), level=6)
    if len(packed) <= INLINE_LIMIT:
        return InlineText(data=base64.b64encode(packed).decode("ascii"))
    return blobs.put([packed], MEDIA_TYPE)


def check_out(claim: InlineText | BlobRef, blobs: BlobStore) -> ParsedDocument:
    """Return the document behind the claim. Raises `TransientError` when its blob is not there."""
    packed = blobs.read(claim) if isinstance(claim, BlobRef) else base64.b64decode(claim.data)
    return ParsedDocument.model_validate_json(zlib.decompress(packed))
