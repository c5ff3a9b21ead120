"""What a word is, and where it stands in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.indexer.domain.words import words, words_in_place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Mayor's car", ["the", "mayor", "s", "car"]),
        ("Çelësi i Qytetit", ["celesi", "i", "qytetit"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("İzmir ızgara", ["izmir", "izgara"]),
        ("e\u0301cole école", ["ecole", "ecole"]),
        ("ﬁre and 12,500 m²", ["fire", "and", "12", "500", "m2"]),
        ("القتالُ أحمد مدينة", ["القتال", "احمد", "مدينه"]),
        ("हिन्दी", ["हिन्दी"]),
        ("大雨が来た", ["大", "雨", "が", "来", "た"]),
        ("서울 시장", ["서울", "시장"]),
        ("hy\u00adphen\u200bated", ["hyphenated"]),
        ("\x00 — \ud800 …", []),
        ("", []),
    ],
)
def test_case_accents_and_forms_of_letters_do_not_tell_words_apart(text: str, expected: list[str]) -> None:
    """What a person would call the same word is the same word."""
    assert expected == words(text)


@given(st.text())
def test_words_in_place_are_the_words(text: str) -> None:
    """The index and the highlighter never disagree on what the words of a text are."""
    placed = list(words_in_place(text))

    assert words(text) == [word.folded for word in placed]


@given(st.text())
def test_places_are_within_the_text_and_in_order(text: str) -> None:
    """A highlight can always be drawn."""
    end = 0
    for word in words_in_place(text):
        assert end <= word.start < word.end <= len(text)
        end = word.end


@given(st.text())
def test_folding_a_word_again_changes_nothing(text: str) -> None:
    """A query typed from what was found finds it again."""
    found = words(text)

    assert found == words(" ".join(found))
