"""The part of a body that shows why it was found."""

from hypothesis import given
from hypothesis import strategies as st

from services.indexer.domain.query_parser import parse_query
from services.indexer.domain.snippets import ELLIPSIS, LENGTH, Snippet, make_snippet

FILLER = "The council met again on Thursday and spoke about roads, schools and the budget for the coming year. "


def snippet_of(body: str, query: str) -> Snippet:
    return make_snippet(body, parse_query(query).terms())


def highlighted(snippet: Snippet) -> list[str]:
    return [snippet.text[start:end] for start, end in snippet.highlights]


def test_a_match_far_down_is_shown_in_its_context() -> None:
    """The window moves to the match, and says that it is cut at both ends."""
    snippet = snippet_of(FILLER * 20 + "A landslide closed the pass. " + FILLER * 20, "landslide")

    assert ["landslide"] == highlighted(snippet)
    assert snippet.text.startswith(ELLIPSIS)
    assert snippet.text.endswith(ELLIPSIS)
    assert len(snippet.text) <= LENGTH + len(ELLIPSIS + f" {ELLIPSIS}")


def test_the_window_with_most_different_terms_wins() -> None:
    """Where both words meet says more than where one of them comes first."""
    body = "The pass is open. " + FILLER * 10 + "A landslide closed the pass. " + FILLER * 5

    assert ["landslide", "pass"] == highlighted(snippet_of(body, "landslide pass"))


def test_folded_matches_are_highlighted_in_the_original_letters() -> None:
    """The text is shown as it was written, accents, ligatures and all."""
    assert ["Përmbytjet"] == highlighted(snippet_of("Ujë: Përmbytjet në veri.", "permbytjet"))
    assert ["ﬁre"] == highlighted(snippet_of("A ﬁre broke out", "fire"))
    assert ["e\u0301cole"] == highlighted(snippet_of("une e\u0301cole ferme\u0301e", "école"))


def test_a_phrase_is_highlighted_as_a_whole_and_only_as_a_whole() -> None:
    """Its words elsewhere are not what was asked for."""
    snippet = snippet_of("Water rose. High ground was safe from high water.", '"high water"')

    assert ["high water"] == highlighted(snippet)


def test_a_prefix_highlights_the_whole_word() -> None:
    """Half a word marked is hard to read."""
    assert ["evacuation", "Evacuees"] == highlighted(snippet_of("An evacuation. Evacuees left.", "evacu*"))


def test_overlapping_matches_become_one() -> None:
    """A place is marked once."""
    assert ["high water"] == highlighted(snippet_of("The high water came", '"high water" water'))


def test_without_a_match_the_beginning_is_shown() -> None:
    """The match is then in the title."""
    snippet = snippet_of("First line.\n\n" + FILLER * 10, "elsewhere")

    assert snippet.text.startswith("First line.  The council")
    assert () == snippet.highlights


def test_an_empty_body_gives_an_empty_snippet() -> None:
    """Nothing is made up."""
    assert Snippet("") == snippet_of("", "flood")


@given(st.text(max_size=2_000), st.text(max_size=20))
def test_highlights_lie_within_the_snippet_in_order(body: str, query: str) -> None:
    """Whatever the text, a page can draw the marks."""
    snippet = snippet_of(f"{body} {query} {body}", query)

    places = [place for span in snippet.highlights for place in span]
    assert places == sorted(places)
    assert all(0 <= place <= len(snippet.text) for place in places)
    assert len(snippet.text) <= LENGTH + len(ELLIPSIS + f" {ELLIPSIS}")
