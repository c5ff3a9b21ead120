"""How much a block of text looks like part of an article, from features every language has.

The weights are a logistic regression on 793 pages of the WCXB development set (CC BY 4.0), each block
weighted so that long pages do not drown short ones; rounded, since the third digit changes nothing.
"""

import math
import re

_WORD = re.compile(r"\w+")
#: Scripts that write no spaces between words: two characters count as one word.
_UNSPACED = re.compile("[\u0e00-\u0edf\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE_END = re.compile(r"[.!?:。！？؟۔।።][\"'”’»)\]」』]*$")
_ELLIPSIS = re.compile(r"(?:\.\.\.|…)\W*$")
_INNER_STOP = re.compile(r"[,;.](?=\s)|[。，、،؛]")
_LINK_LIKE = re.compile(r"[|@#©›»→/\\]|https?:|www\.")

#: The score of an empty block; what follows is added to it.
_BASE = -0.8
_PER_DOUBLING_OF_WORDS = 0.33
_SENTENCE = 1.0
_CUT_SHORT = -1.5
_PER_INNER_STOP = 0.1
_LINK = -0.7
_ALL_DIGITS = -2.7
_ALL_CAPITALISED = -1.2
_FEWER_THAN_FOUR_WORDS = -0.8

#: Words; a line of verse has 9 at most, a sentence of news 20.
_LONG_SENTENCE = 12


def words(block: str) -> float:
    """Return the number of words; scripts without spaces are counted by their characters."""
    unspaced = len(_UNSPACED.findall(block))
    return len(_WORD.findall(_UNSPACED.sub(" ", block))) + unspaced / 2 if unspaced else len(_WORD.findall(block))


def ends_short(block: str) -> bool:
    """Tell whether the block breaks off with an ellipsis."""
    return bool(_ELLIPSIS.search(block[-20:]))


def ends_sentence(block: str) -> bool:
    """Tell whether the block ends as a sentence ends."""
    return bool(_SENTENCE_END.search(block[-20:])) and not ends_short(block)


def is_link_like(block: str) -> bool:
    """Tell whether the block holds addresses, or the marks pages set between links."""
    return bool(_LINK_LIKE.search(block))


def is_prose(block: str) -> bool:
    """Tell whether the block is at least one long sentence, as no list, verse or menu has it."""
    return ends_sentence(block) and words(block) >= _LONG_SENTENCE


def score(block: str) -> float:
    """Return the log-odds that the block belongs to an article, from -2 to 4.

    Bounded so that no single block outweighs its neighbours: -2 lets an article survive one odd line inside
    it.
    """
    text = block[:2_000]
    others = _WORD.findall(text)[1:]  # every sentence capitalises its first word
    count = words(block)
    total: float = _BASE + _PER_DOUBLING_OF_WORDS * min(math.log2(1 + count), 7)
    total += _SENTENCE * ends_sentence(block) + _CUT_SHORT * ends_short(block)
    total += _PER_INNER_STOP * min(len(_INNER_STOP.findall(text)), 4)
    total += _LINK * is_link_like(text) + _FEWER_THAN_FOUR_WORDS * (count < 4)
    total += _ALL_DIGITS * sum(character.isdigit() for character in text) / max(1, len(text))
    total += _ALL_CAPITALISED * sum(word[0].isupper() for word in others) / max(1, len(others))
    return max(-2.0, min(4.0, total))
