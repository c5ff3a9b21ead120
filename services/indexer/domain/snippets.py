"""The part of a body that shows best why it was found. Characters of the original text, never markup."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.indexer.domain.query import Leaf, Phrase, Prefix, Term
from services.indexer.domain.words import Word, words, words_in_place

#: Characters of a snippet: three lines of a result list.
LENGTH = 240
#: Characters shown before the first match, so that it does not stand there without its context.
LEAD = 60
#: Matches that are looked at. A word on every line must not make a long text slow to show.
MOST_MATCHES = 200
ELLIPSIS = "…"
PARAGRAPH = re.compile(r"[^\n]+")


@dataclass(frozen=True, slots=True)
class Snippet:
    """`highlights` are (start, end) in characters of `text`."""

    text: str
    highlights: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    end: int
    term: Leaf


def make_snippet(body: str, terms: Sequence[Leaf]) -> Snippet:
    """Return the place where most of the terms meet; the beginning of the body where none is in it."""
    matches = _matches(body, terms)
    start = max(0, _best_start(matches) - LEAD)
    begin = _after_space(body, start) if start else 0
    end = len(body) if len(body) - begin <= LENGTH else _before_space(body, begin + LENGTH)
    before = ELLIPSIS if body[:begin].strip() else ""
    text = re.sub(r"\s", " ", body[begin:end]).rstrip()  # one character for one: the places stay right
    after = (ELLIPSIS if text[-1:].isalnum() else f" {ELLIPSIS}") if body[end:].strip() else ""
    shift = len(before) - begin
    shown = _merged([(m.start + shift, m.end + shift) for m in matches if m.start >= begin and m.end <= end])
    return Snippet(before + text + after, shown)


def _matches(body: str, terms: Sequence[Leaf]) -> list[_Match]:
    found: list[_Match] = []
    for paragraph in PARAGRAPH.finditer(body):
        if _may_match(words(paragraph[0]), terms):
            placed = list(words_in_place(paragraph[0]))
            offset = paragraph.start()
            found += [_Match(m.start + offset, m.end + offset, m.term) for m in _find(placed, terms)]
        if len(found) >= MOST_MATCHES:
            break
    return found[:MOST_MATCHES]


def _may_match(present: list[str], terms: Sequence[Leaf]) -> bool:
    """Folding a paragraph is fast, placing its words is not: it is done only where it may find something."""
    held = set(present)
    return any(
        any(word.startswith(term.beginning) for word in held)
        if isinstance(term, Prefix)
        else held.issuperset(_row(term))
        for term in terms
    )


def _row(term: Term | Phrase) -> tuple[str, ...]:
    return term.words if isinstance(term, Phrase) else (term.word,)


def _find(placed: list[Word], terms: Sequence[Leaf]) -> Iterator[_Match]:
    for at, word in enumerate(placed):
        for term in terms:
            if isinstance(term, Prefix):
                if word.folded.startswith(term.beginning):
                    yield _Match(word.start, word.end, term)
            elif word.folded == (row := _row(term))[0]:
                run = placed[at : at + len(row)]
                if tuple(w.folded for w in run) == row:
                    yield _Match(word.start, run[-1].end, term)


def _best_start(matches: list[_Match]) -> int:
    """Where the window begins that holds most different terms, then most matches, then comes first."""
    best, best_start, last = (0, 0), 0, 0
    for first, match in enumerate(matches):
        while last < len(matches) and matches[last].end <= match.start + LENGTH - LEAD:
            last += 1
        window = matches[first:last]
        worth = (len({m.term for m in window}), len(window))
        if worth > best:
            best, best_start = worth, match.start
    return best_start


def _after_space(body: str, start: int) -> int:
    space = re.compile(r"\s+").search(body, start - 1, start + LEAD)
    return space.end() if space else start


def _before_space(body: str, end: int) -> int:
    for place in range(end, end - LEAD, -1):
        if body[place].isspace():
            return place
    return end


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
