"""Which line of a text is its title."""

import re
from collections.abc import Sequence

from services.parser.domain.block_score import ends_short, is_prose, words

#: A title has two words at least; the longest headlines of news sites have 25.
_WORDS = (2, 30)
_CHARACTERS = 250
#: Blocks a byline, a date and a standfirst take between the title and the first sentence.
_NEAR = 8
_CONTENT_WORD = re.compile(r"[^\W\d_]{4,}|[\u3040-\u30ff\u3400-\u9fff]")


def find_title(blocks: Sequence[str], begin: int = 0) -> int | None:
    """Return the place of the title among the blocks, or None where there is none.

    It is the first headline-like block near the first prose at or after `begin`, half of whose words come
    again in the text; failing that, the very first block, if it is like a headline. A text without prose (a
    list) has no title.
    """
    prose = next((i for i in range(begin, len(blocks)) if is_prose(blocks[i])), None)
    if prose is None:
        return None
    told = _content_words(" ".join(blocks[prose : prose + 40]))
    candidates = [i for i in range(max(0, prose - _NEAR), prose) if _is_headline(blocks[i])]
    for i in candidates:
        said = _content_words(blocks[i])
        if said and len(said & told) * 2 >= len(said):
            return i
    return 0 if 0 in candidates else None


def _content_words(text: str) -> set[str]:
    return set(_CONTENT_WORD.findall(text.casefold()))


def _is_headline(block: str) -> bool:
    fewest, most = _WORDS
    right_length = len(block) <= _CHARACTERS and fewest <= words(block) <= most
    return (
        right_length and block[-1] not in ".:;,。，" and not ends_short(block) and not block.startswith(("-", "•", "*"))
    )
