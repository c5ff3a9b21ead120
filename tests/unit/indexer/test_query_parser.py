"""Any string is a query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.domain.query import And, Leaf, Node, Not, Or, Phrase, Prefix, Term
from services.indexer.domain.query_parser import MAX_DEPTH, MAX_WORDS, parse_query

FLOOD, STORM, AID = Term("flood"), Term("storm"), Term("aid")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flood", FLOOD),
        ("Flood STÖRM", And((FLOOD, STORM))),
        ("flood AND storm", And((FLOOD, STORM))),
        ("flood OR storm", Or((FLOOD, STORM))),
        ("flood or storm", And((FLOOD, Term("or"), STORM))),
        ("flood storm OR aid", Or((And((FLOOD, STORM)), AID))),
        ("(flood OR storm) aid", And((Or((FLOOD, STORM)), AID))),
        ("flood -storm", And((FLOOD, Not(STORM)))),
        ("flood NOT storm", And((FLOOD, Not(STORM)))),
        ("-(flood storm)", Not(And((FLOOD, STORM)))),
        ("NOT NOT flood", FLOOD),
        ('"flood aid"', Phrase(("flood", "aid"))),
        ("„flood aid“", Phrase(("flood", "aid"))),
        ('"flood"', FLOOD),
        ("flood-aid", Phrase(("flood", "aid"))),
        ("http://aid.example", Phrase(("http", "aid", "example"))),
        ("flo*", Prefix("flo")),
        ("aid-flo*", And((AID, Prefix("flo")))),
        ("flood flood", FLOOD),
        ("大雨", Phrase(("大", "雨"))),
    ],
)
def test_a_query_means_what_it_says(text: str, expected: Node) -> None:
    """Words are all required; quotes, OR, minus, star and brackets do what people expect."""
    query = parse_query(text)

    assert expected == query.root
    assert () == query.warnings


@pytest.mark.parametrize(
    ("text", "expected", "warning"),
    [
        ("", None, "no word to look for"),
        ("& -- ((()))", None, "no word to look for"),
        ("flood &", FLOOD, "& has no letters or digits"),
        ("f*", Term("f"), "at least 2 letters"),
        ("(flood", FLOOD, "not closed"),
        ("flood) storm", And((FLOOD, STORM)), "without an opening one"),
        ("flood OR", FLOOD, None),
        ("OR OR flood", FLOOD, None),
        ("flood NOT", FLOOD, None),
        ('"flood', FLOOD, None),
    ],
)
def test_what_cannot_be_understood_is_left_out(text: str, expected: Node | None, warning: str | None) -> None:
    """A slip of the finger still finds something, and the page says what was not read."""
    query = parse_query(text)

    assert expected == query.root
    assert bool(warning) == bool(query.warnings)
    assert (warning or "") in " ".join(query.warnings)


FRAGMENTS = st.sampled_from(["(", ")", '"', "-", "NOT ", "OR ", "AND ", "*", " ", "flood", "a", "ë", "大", "1.2"])


@given(st.one_of(st.text(), st.lists(FRAGMENTS, max_size=400).map("".join)))
def test_any_string_is_a_query_within_bounds(text: str) -> None:
    """Nothing raises, and no engine is handed a tree it could not take."""
    root = parse_query(text).root

    assert root is None or _depth(root) <= MAX_DEPTH
    assert root is None or sum(_size(leaf) for leaf in _leaves(root)) <= MAX_WORDS


@pytest.mark.parametrize("text", ["(" * 10_000, "NOT " * 10_000, "-(" * 5_000, '"' * 9_999, "a " * 5_000, "a*" * 5_000])
def test_huge_queries_are_cut(text: str) -> None:
    """What would crash or stall an engine is cut, and the person is told."""
    assert "Only the first 1,000 characters of the query were read." in parse_query(text).warnings


def test_terms_are_what_may_be_highlighted() -> None:
    """What was excluded is not looked for in the text."""
    terms = parse_query('flood (storm OR "high water") -aid evacuat*').terms()

    assert (FLOOD, STORM, Phrase(("high", "water")), Prefix("evacuat")) == terms


def _leaves(node: Node) -> list[Leaf]:
    match node:
        case And(parts) | Or(parts):
            return [leaf for part in parts for leaf in _leaves(part)]
        case Not(part):
            return _leaves(part)
        case _:
            return [node]


def _depth(node: Node) -> int:
    match node:
        case And(parts) | Or(parts):
            return 1 + max(_depth(part) for part in parts)
        case Not(part):
            return 1 + _depth(part)
        case _:
            return 1


def _size(leaf: Leaf) -> int:
    return len(leaf.words) if isinstance(leaf, Phrase) else 1
