"""What a word is, for what is indexed, what is asked for and what is highlighted alike.

Case, accents and the forms of a letter do not tell words apart (`Çelësi` is `celesi`, `أحمد` is `احمد`). Scripts that
are written without spaces have no word boundaries to be found: there each character is a word, and several in a row
are looked for as a phrase. The search engine is handed words and only ever splits at spaces.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

#: Change it whenever the words of a text change: an index made with another number is made anew.
WORDS_VERSION = 1
#: Characters of a word that are kept. The longest words of dictionaries are shorter; the rest is data.
MAX_WORD = 64

#: Letters that Unicode does not take apart, as the Latin alphabet writes them, and Arabic letters of one sound.
LETTERS = {
    "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th",
    "ى": "ي", "ی": "ي", "ے": "ي", "ة": "ه", "ہ": "ه", "ھ": "ه", "ک": "ك", "ـ": "",
}  # fmt: skip
#: Marks that make another letter, not another way of writing it: nukta, kana voicing, virama.
KEPT_MARKS = (7, 8, 9)
#: Scripts written without spaces: Thai and Lao, Myanmar, Khmer, kana, Han (with extensions).
UNSPACED = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF),
            (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # fmt: skip


class _Folding(dict[int, str]):
    """For `str.translate`: a character's share of its word; a space where it is none. Filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = share = _fold(chr(code))
        return share


def _fold(character: str) -> str:
    if character.isascii():
        return character.lower() if character.isalnum() else " "
    if unicodedata.category(character) == "Cf":  # joiners, soft hyphens, direction marks: inside a word, unseen
        return ""
    shape = unicodedata.normalize("NFKC", character).casefold()
    if any(_is_unspaced(c) for c in shape):
        return _fold_unspaced(shape if len(shape) == 1 else character)
    if not _is_hangul(character):
        shape = unicodedata.normalize("NFKD", shape)
    folded = "".join(LETTERS.get(c, c) for c in shape if not unicodedata.combining(c) or _is_kept(c))
    return folded if all(_belongs_to_word(c) for c in folded) else " "


def _fold_unspaced(character: str) -> str:
    return f" {character} " if _belongs_to_word(character) else " "


def _is_hangul(character: str) -> bool:
    return "\uac00" <= character <= "\ud7a3"


def _is_kept(mark: str) -> bool:
    return unicodedata.combining(mark) in KEPT_MARKS


def _belongs_to_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _is_unspaced(character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in UNSPACED)


_FOLDING = _Folding()


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text; `start` and `end` are characters of the text as it was before folding."""

    folded: str
    start: int
    end: int


def words(text: str) -> list[str]:
    """Return the folded words of the text, which is in NFC, in order."""
    return [word[:MAX_WORD] for word in text.translate(_FOLDING).split()]


def words_in_place(text: str) -> Iterator[Word]:
    """Yield the words of the text with their places: the same words that `words` returns."""
    folded, start, end = "", 0, 0
    for place, character in enumerate(text):
        share = _FOLDING[ord(character)]
        if share.startswith(" "):  # a separator, or a word by itself
            if folded:
                yield Word(folded[:MAX_WORD], start, end)
            folded = ""
            if own := share.strip():
                yield Word(own, place, place + 1)
            continue
        if share and not folded:
            start = place
        folded += share
        if folded:
            end = place + 1
    if folded:
        yield Word(folded[:MAX_WORD], start, end)
