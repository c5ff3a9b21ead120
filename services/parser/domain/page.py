"""The visible text of an HTML page as blocks, each with the part of the page it stands in.

One pass over the tree with lxml's iterator, which keeps its own stack: a page 200,000 elements deep costs
time, never a recursion error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree, html

#: Elements that stand in a line of text; every other begins a block of its own (HTML standard, section 15.3).
_INLINE = frozenset(
    {
        *(
            "a",
            "abbr",
            "acronym",
            "b",
            "bdi",
            "bdo",
            "big",
            "cite",
            "code",
            "data",
            "del",
            "dfn",
            "em",
            "font",
            "i",
        ),
        *(
            "ins",
            "kbd",
            "label",
            "mark",
            "nobr",
            "q",
            "s",
            "samp",
            "small",
            "span",
            "strike",
            "strong",
            "sub",
            "sup",
        ),
        *("time", "tt", "u", "var", "wbr"),
    }
)
_INVISIBLE = frozenset(
    {
        *(
            "script",
            "style",
            "noscript",
            "template",
            "head",
            "svg",
            "math",
            "iframe",
            "object",
            "canvas",
            "audio",
        ),
        *("video", "select", "datalist", "textarea"),
    }
)
#: Parts of a page that say what their text is.
_LANDMARKS = frozenset({"nav", "footer", "header", "aside", "form", "menu", "dialog", "figure", "button"})
#: Blocks of one page; a page of real life has 200, the longest seen 6,000.
_MOST_BLOCKS = 20_000
#: Declarations in a `style` attribute that hide an element.
_HIDDEN_STYLES = ("display:none", "visibility:hidden")


@dataclass(frozen=True)
class PageBlock:
    """A block of visible text on one line; `landmark` is the innermost telling element around it: `nav`."""

    text: str
    landmark: str | None


def tree_of(text: str) -> html.HtmlElement | None:
    """Return the page's tree, or None where there is none. libxml2 repairs what is malformed."""
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        return html.document_fromstring(text.encode(), parser=parser)
    except etree.ParserError:
        return None


def visible_blocks(tree: html.HtmlElement) -> list[PageBlock]:
    """Return the blocks a reader sees, in the order of the page, at most 20,000."""
    blocks: list[PageBlock] = []
    gathered: list[str] = []
    for piece, landmark in _pieces(tree):
        if piece is not None:
            gathered.append(piece)
            continue
        text = " ".join("".join(gathered).split())
        gathered.clear()
        if text:
            blocks.append(PageBlock(text, landmark))
        if len(blocks) >= _MOST_BLOCKS:
            break
    return blocks


def _pieces(tree: html.HtmlElement) -> Iterator[tuple[str | None, str | None]]:
    """Yield text, and None where a block ends; each with the landmark around it."""
    landmarks: list[html.HtmlElement] = []
    for event, element in _visible(tree):
        if element.tag not in _INLINE:
            yield None, landmarks[-1].tag if landmarks else None
        if event == "start" and element.tag in _LANDMARKS:
            landmarks.append(element)
        elif landmarks and landmarks[-1] is element:
            landmarks.pop()
        text = element.text if event == "start" else element.tail
        yield text or "", None
    yield None, None


def _visible(tree: html.HtmlElement) -> Iterator[tuple[str, html.HtmlElement]]:
    """Yield the begin and the end of every element that is shown; of one that is not, only the end."""
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        if event == "start" and (element.tag in _INVISIBLE or _is_hidden(element)):
            walk.skip_subtree()
        else:
            yield event, element


def _is_hidden(element: html.HtmlElement) -> bool:
    if element.get("hidden") is not None:
        return True
    style = (element.get("style") or "").replace(" ", "").lower()
    return any(hidden in style for hidden in _HIDDEN_STYLES)
