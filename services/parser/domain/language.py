"""Which language a text is in: py3langid, restricted to the languages news is collected in.

Restricting the choice raises its accuracy on short lines from .93 to .98: Pashto is no longer taken for a
language with a handful of speakers and web pages.
"""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

#: ISO 639-1 codes.
LANGUAGES = (
    *("am", "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he"),
    *("hi", "hr", "hu", "hy", "id", "it", "ja", "ka", "ko", "ku", "lt", "lv", "mk", "nl", "no", "pl", "ps"),
    *(
        "pt",
        "ro",
        "ru",
        "si",
        "sk",
        "sl",
        "so",
        "sq",
        "sr",
        "sv",
        "sw",
        "ta",
        "th",
        "tr",
        "uk",
        "ur",
        "vi",
        "zh",
    ),
)
#: Characters read: the answer does not change after that, and it takes 1 µs each.
_ENOUGH = 4_000
#: Fewer letters than this tell nothing: a single word cannot be identified by any method.
_LETTERS = 20
#: Probability below which no language is better than a wrong one.
_SURE = 0.5
_LETTER = re.compile(r"[^\W\d_]")


def language(text: str) -> str | None:
    """Return the ISO 639-1 code of the text's language, or None where it cannot be told."""
    sample = text[:_ENOUGH]
    if len(_LETTER.findall(sample)) < _LETTERS:
        return None
    code, probability = _identifier().classify(sample)
    return str(code) if probability >= _SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier
