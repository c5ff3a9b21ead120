import pytest

from services.parser.domain.clean_text import clean
from services.parser.domain.decoding import decode

GERMAN = "Der Bürgermeister weihte die neue Brücke über den Fluss ein, größer als die alte."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_german_text_is_read_in_every_encoding_it_comes_in(encoding: str) -> None:
    assert GERMAN == decode(GERMAN.encode(encoding))


def test_a_page_may_say_what_it_is_encoded_in() -> None:
    page = '<meta charset="windows-1251"><p>Съветът заседава</p>'
    assert page == decode(page.encode("cp1251"))


def test_valid_utf_8_is_believed_before_what_the_page_says() -> None:
    page = '<meta charset="windows-1251"><p>Съветът</p>'
    assert page == decode(page.encode())


def test_a_page_cannot_name_an_encoding_that_is_a_program() -> None:
    page = b'<meta charset="unicode_escape">\\u0041 caf\xe9 con leche, dijo el se\xf1or alcalde'
    assert "\\u0041" in decode(page)


def test_clean_text_is_composed_and_has_no_controls() -> None:
    assert "é\nb c\nd" == clean("e\u0301\r\nb\tc\x00\u2028\x07d\ufeff\ud800")


def test_piled_up_marks_are_cut_to_thirty() -> None:
    assert 30 >= len(clean("a" + "\u0300" * 100_000)) - 1
