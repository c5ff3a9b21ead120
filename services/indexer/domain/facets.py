"""What the documents that match are counted by, and what a search can be narrowed to.

An inbox's name and the names of folders come from strangers: of each document only so many are kept, and of each only
so many characters, in the index and in what is asked for alike.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.contracts import Source

#: Characters of a value that tell it from another. Names of folders are shorter: file systems take 255 bytes.
LONGEST_VALUE = 255
#: Values of a document; of one place, a contract allows no more tags.
MOST_VALUES = 64
#: Values of a facet that are told: more than a person chooses from.
MOST_COUNTED = 20


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value, and how many of the documents that match have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """Of the documents that match, the commonest values first, at most 20 each."""

    inbox: tuple[FacetValue, ...] = ()
    tag: tuple[FacetValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Only documents of any of these inboxes that have all of these tags; empty: of all, with any."""

    inboxes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.inboxes or self.tags)


NOT_COUNTED = Facets()
EVERYTHING = Narrowing()


def inbox_values(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the names of the inboxes that a document lies in, as it is counted by them."""
    return _bounded(source.inbox for source in sources)


def tag_values(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the tags of all the places that a document lies in, as it is counted by them."""
    return _bounded(tag for source in sources for tag in source.tags)


def counted(counts: Iterable[tuple[str, int]]) -> tuple[FacetValue, ...]:
    """Return the facet's values in their order: the largest first, those of a size by their name."""
    ordered = sorted(counts, key=lambda counted: (-counted[1], counted[0]))
    return tuple(FacetValue(value, count) for value, count in ordered[:MOST_COUNTED])


def _bounded(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value[:LONGEST_VALUE] for value in values if value))[:MOST_VALUES]
