"""Makes a `SearchQuery` of any string. Total: bounded in length, depth and number of words, and never raises."""

import re
import unicodedata
from collections.abc import Iterable

from services.indexer.domain.query import And, Leaf, Node, Not, Or, Phrase, Prefix, SearchQuery, Term
from services.indexer.domain.words import words

#: Characters of a query that are read. Engines slow down with thousands of words; nobody types so many.
MAX_LENGTH = 1_000
#: Levels of the tree. Engines compile it by recursion, on stacks as small as 512 kB.
MAX_DEPTH = 32
#: Each pair of brackets adds at most three levels (Or, And, Not) above its content.
MAX_NESTING = (MAX_DEPTH - 1) // 3 - 1
#: Words in all.
MAX_WORDS = 64
#: Letters before a `*`. One letter would match a good part of the whole index.
MIN_PREFIX = 2

QUOTES = '"“”„‟«»'
TOKEN = re.compile(
    rf"(?P<quoted>[{QUOTES}][^{QUOTES}]*[{QUOTES}]?)|(?P<open>\()|(?P<sign>-(?=\S)|\))|(?P<word>[^\s(){QUOTES}]+)"
)


def parse_query(text: str) -> SearchQuery:
    """Return what the text asks for, with a warning for each thing that was left out."""
    parser = _Parser(unicodedata.normalize("NFC", text[:MAX_LENGTH]))
    if len(text) > MAX_LENGTH:
        parser.warn(f"Only the first {MAX_LENGTH:,} characters of the query were read.")
    root = parser.parse()
    if root is None:
        parser.warn("The query has no word to look for.")
    return SearchQuery(root, tuple(parser.warnings))


class _Parser:
    """Recursive descent over the tokens; `depth` is the number of open brackets."""

    def __init__(self, text: str) -> None:
        self._tokens = [(match.lastgroup, match[0]) for match in TOKEN.finditer(text)]
        self._next = 0
        self._depth = 0
        self._words = 0
        self.warnings: dict[str, None] = {}  # a set that keeps its order

    def warn(self, text: str) -> None:
        self.warnings[text] = None

    def parse(self) -> Node | None:
        found = [self._alternatives()]
        while self._next < len(self._tokens):  # a bracket was closed that was never opened
            self.warn("A closing bracket without an opening one was left out.")
            self._next += 1
            found.append(self._alternatives())
        return _all(found)

    def _alternatives(self) -> Node | None:
        found = [self._conjunction()]
        while self._take("OR"):
            found.append(self._conjunction())
        parts = tuple(dict.fromkeys(part for part in found if part))
        return Or(parts) if len(parts) > 1 else next(iter(parts), None)

    def _conjunction(self) -> Node | None:
        found: list[Node | None] = []
        while self._next < len(self._tokens) and self._peek() not in ("OR", ")"):
            found.append(self._item())
        return _all(found)

    def _item(self) -> Node | None:
        negated = False
        while (token := self._peek()) in ("-", "NOT", "AND"):
            negated ^= token in ("-", "NOT")  # AND says nothing: words are all required anyway
            self._next += 1
        node = self._operand()
        return Not(node) if negated and node else node

    def _operand(self) -> Node | None:
        kind, token = self._tokens[self._next] if self._next < len(self._tokens) else (None, "")
        if token in ("", "OR", ")"):  # an operator with nothing after it
            return None
        self._next += 1
        if kind == "open":
            return self._group()
        if kind == "quoted":
            return self._leaf(words(token), token, prefix=False)
        return self._leaf(words(token), token, prefix=token.endswith("*"))

    def _group(self) -> Node | None:
        if self._depth == MAX_NESTING:
            self.warn(f"Brackets within more than {MAX_NESTING} others were left out.")
            return None
        self._depth += 1
        node = self._alternatives()
        self._depth -= 1
        if not self._take(")"):
            self.warn("A bracket was not closed.")
        return node

    def _leaf(self, found: list[str], token: str, *, prefix: bool) -> Node | None:
        if not found:
            self.warn(f"{token[:40]} has no letters or digits to look for.")
            return None
        room = MAX_WORDS - self._words
        if len(found) > room:
            self.warn(f"Only the first {MAX_WORDS} words of the query were looked for.")
            found, prefix = found[:room], False
        self._words += len(found)
        if prefix and len(found[-1]) >= MIN_PREFIX:
            return _all([_in_a_row(found[:-1]), Prefix(found[-1])])
        if prefix:
            self.warn(f"{token[:40]} needs at least {MIN_PREFIX} letters before the *.")
        return _in_a_row(found)

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _take(self, token: str) -> bool:
        taken = self._peek() == token
        self._next += taken
        return taken


def _in_a_row(found: list[str]) -> Leaf | None:
    if not found:
        return None
    return Term(found[0]) if len(found) == 1 else Phrase(tuple(found))


def _all(found: Iterable[Node | None]) -> Node | None:
    parts = tuple(dict.fromkeys(part for part in found if part))
    return And(parts) if len(parts) > 1 else next(iter(parts), None)
