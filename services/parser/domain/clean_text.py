"""Text as every later stage may rely on it: NFC, and no control characters other than the newline."""

import re
import unicodedata

#: Every character or pair that ends a line, from Unicode's UAX #14: CR LF, CR, VT, FF, NEL, LS, PS.
_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
#: Controls, lone surrogates and noncharacters, and three invisible marks that would split words in the
#: search:
#: soft hyphen, byte order mark, word joiner.
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u00ad\ufeff\u2060]")
#: More than 30 marks on one letter is no language (UAX #15, stream-safe text); normalising takes quadratic
#: time.
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PILED_MARKS = re.compile(f"([{_MARKS}]{{30}})[{_MARKS}]+")


def clean(text: str) -> str:
    """Return the text in NFC, its lines ended by newlines, with nothing in it that is not text."""
    text = _LINE_ENDS.sub("\n", text).replace("\t", " ")
    text = _PILED_MARKS.sub(r"\1", _UNWANTED.sub("", text))
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """Return the text with every run of white space as one space."""
    return " ".join(text.split())
