"""Separates an article from the page furniture around it, where only the text of the page is left.

The article is the run of blocks with the greatest sum of scores: Kadane's algorithm for the maximum-sum
segment, as told in J. Bentley, "Programming Pearls: Algorithm Design Techniques", CACM 27(9), 1984; for
pages, J. Pasternack and D. Roth, "Extracting Article Text from the Web with Maximum Subsequence
Segmentation", WWW 2009.

It fails towards keeping: a text in which nothing is surely prose (notes, a list, a poem) is kept whole, and
what is cut stays on the document.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.parser.domain.block_score import ends_short, is_link_like, is_prose, score, words
from services.parser.domain.language import language
from shared.contracts import CutBlock, CutKind

#: What agencies set after the last sentence: "/ REL", "(AFP)", "###", "- 30 -", "-END-". A closed sentence
#: must come before.
_SIGN_OFF = re.compile(
    r"(?:^|(?<=[.!?。؟۔\"”’»)]))\s*"
    r"(/{1,2}\s*[A-Z]{2,6}|\([A-Z][\w./ -]{1,30}\)|#{3,}|[-–—]+\s*(?:30|X{2,3}|ENDS?)\s*[-–—]+)\s*$"
)
#: Blocks a sign-off may follow at most, as a share of the article's score: else it is a caption's credit,
#: not the end.
_STILL_TO_COME = 0.5
_LEGAL = re.compile("[©®™℗]")
_CONTACT = re.compile(r"@\w|\+?\d[\d ().-]{6,}|\d{3,}\D*$")


@dataclass(frozen=True)
class ArticleRange:
    """The article is `blocks[begin:stop]`; `end` is the first block after the sign-off, if there is one."""

    begin: int
    stop: int
    end: int
    sign_off: str = ""


@dataclass(frozen=True)
class Separation:
    """The article's blocks, and what was cut."""

    body: tuple[str, ...]
    cut: tuple[CutBlock, ...]


def separate(blocks: Sequence[str]) -> Separation:
    """Return the article in the blocks, and the others with kind, reason and score."""
    found = article_range(blocks)
    body = list(blocks[found.begin : found.stop])
    if found.sign_off and found.stop == found.end:
        body[-1] = body[-1].removesuffix(found.sign_off).rstrip()
    spoken = language("\n".join(body))
    cut = [_cut(block, spoken, "before the article") for block in blocks[: found.begin]]
    cut += [_cut(block, spoken, "after the article") for block in blocks[found.stop : found.end]]
    if found.sign_off:
        cut.append(CutBlock(text=found.sign_off, kind="sign-off", reason="the agency's sign-off"))
    cut += [_cut(block, spoken, "after the sign-off") for block in blocks[found.end :]]
    return Separation(tuple(filter(None, body)), tuple(cut))


def article_range(blocks: Sequence[str]) -> ArticleRange:
    """Return where the article is; everywhere, if nothing is surely prose."""
    scores = [score(block) for block in blocks]
    end, sign_off = _signed_off(blocks, scores)
    if sign_off:
        scores[end - 1] = score(blocks[end - 1].removesuffix(sign_off).rstrip())
    begin, stop = _greatest_sum(scores[:end])
    if not any(map(is_prose, blocks[begin:stop])):
        return ArticleRange(0, len(blocks), len(blocks))
    return ArticleRange(begin, stop, end, sign_off)


def _signed_off(blocks: Sequence[str], scores: Sequence[float]) -> tuple[int, str]:
    """Return how many blocks there are up to the sign-off, and the sign-off itself."""
    whole = sum(value for value in scores if value > 0)
    before = 0.0
    for i, block in enumerate(blocks):
        before += max(0.0, scores[i])
        match = _SIGN_OFF.search(block[-60:]) if before > 0 else None
        if match and whole - before < _STILL_TO_COME * before:
            return i + 1, match[1]
    return len(blocks), ""


def _greatest_sum(scores: Sequence[float]) -> tuple[int, int]:
    """Return the half-open range with the greatest sum; the empty range where no score is positive."""
    best, best_range = 0.0, (0, 0)
    current, begin = 0.0, 0
    for i, value in enumerate(scores):
        if current <= 0:
            current, begin = 0.0, i
        current += value
        if current > best:
            best, best_range = current, (begin, i + 1)
    return best_range


def _cut(block: str, spoken: str | None, reason: str) -> CutBlock:
    return CutBlock(text=block, kind=kind_of(block, spoken), reason=reason, score=round(score(block), 2))


def kind_of(block: str, spoken: str | None) -> CutKind:
    """Return what kind of furniture a block is, for people to sort by; `spoken` is the article's language."""
    few = words(block) < 4
    if _LEGAL.search(block):
        return "legal"
    if _CONTACT.search(block) and words(block) < 15:
        return "contact"
    if not few and spoken and (language(block) or spoken) != spoken:
        return "other-language"
    if ends_short(block) or block.endswith(("?", "？", "؟")):
        return "teaser"
    if few or is_link_like(block):
        return "navigation"
    return "other" if is_prose(block) else "teaser"
