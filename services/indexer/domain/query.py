"""What people ask for. Any string is a query: what cannot be understood is left out, with a warning, never an error.

    ceasefire talks          both words             "ceasefire talks"    these words in a row
    flood OR storm           either                 flood -sport         without (also: NOT sport)
    evacuat*                 words beginning so     (flood OR storm) aid brackets group

Between the user's string and any search engine stands this tree; engines' own query languages are never reached.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """One folded word."""

    word: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Two or more folded words in a row."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    """Words that begin so."""

    beginning: str


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Every document but those."""

    part: "Node"


Leaf = Term | Phrase | Prefix
Node = Leaf | And | Or | Not


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is looked for; `root` is None where nothing is. `warnings` say what was left out, for the person asking."""

    root: Node | None
    warnings: tuple[str, ...] = ()

    def terms(self) -> tuple[Leaf, ...]:
        """Return what a found document may contain: everything asked for, without what was excluded."""
        return tuple(dict.fromkeys(_wanted(self.root))) if self.root else ()


def _wanted(node: Node) -> Iterator[Leaf]:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _wanted(part)
        case Not():
            return
        case _:
            yield node
