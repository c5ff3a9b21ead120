import pytest

from services.parser.domain.separation import separate
from services.parser.extractors.text import article_in

TITLE = "Northern pier closed after divers find cracks"
ARTICLE = [
    "The harbour authority closed the northern pier on Friday after divers found cracks in its pillars.",
    "Repairs will take six weeks, said the harbour master, who has asked the ministry for more money.",
    'He called the damage "worse than we feared".',
    "The fishing boats, about forty of them, must land their catch at the southern quay until May.",
    "Nobody was hurt.",
]
BEFORE = ["Home", "Sport", "Weather | Tides | Ferries"]
AFTER = [
    "Most read",
    "Five ways to cook a crab...",
    "Ferry Times And Prices",
    "© Harbour Gazette",
    "Office 555 0134",
]


def test_the_article_is_kept_whole_and_what_surrounds_it_is_cut() -> None:
    separation = separate([*BEFORE, *ARTICLE, *AFTER])
    assert tuple(ARTICLE) == separation.body
    assert [*BEFORE, *AFTER] == [block.text for block in separation.cut]


def test_the_title_is_the_headline_before_the_article() -> None:
    found = article_in([*BEFORE, TITLE, "By our harbour reporter", *ARTICLE, *AFTER])
    assert TITLE == found.title
    assert tuple(ARTICLE) == tuple(paragraph for paragraph in found.paragraphs if paragraph in ARTICLE)
    assert TITLE not in found.paragraphs


@pytest.mark.parametrize("sign_off", ["/ HBG", " (HBG)", " ###", " - 30 -", " -ENDS-"])
def test_an_agency_signs_off_the_end_of_the_article(sign_off: str) -> None:
    late = "Boats from the islands were the first to call at the southern quay on Saturday."
    separation = separate([*ARTICLE[:-1], ARTICLE[-1] + sign_off, late])
    assert tuple(ARTICLE) == separation.body
    assert [(sign_off.strip(), "sign-off"), (late, "other")] == [(block.text, block.kind) for block in separation.cut]


def test_a_credit_after_the_first_sentence_does_not_end_the_article() -> None:
    blocks = [ARTICLE[0] + " (HBG)", *ARTICLE[1:]]
    assert tuple(blocks) == separate(blocks).body


@pytest.mark.parametrize(
    "blocks",
    [
        ["eggs", "milk", "bread"],
        ["- call the harbour", "- order stones", "- ask for a second crane"],
        ["One line and nothing else"],
        [
            "The tide came in at seven,",
            "and took the boats we had;",
            "it gave us back eleven,",
            "and all were bad.",
        ],
        ["..."],
    ],
)
def test_a_text_without_prose_is_kept_whole(blocks: list[str]) -> None:
    found = article_in(blocks)
    assert (None, tuple(blocks), ()) == (found.title, found.paragraphs, found.cut)


def test_every_cut_block_says_what_it_is_and_why() -> None:
    cut = {block.text: block for block in separate([*BEFORE, *ARTICLE, *AFTER]).cut}
    assert ("navigation", "before the article") == (cut["Home"].kind, cut["Home"].reason)
    assert ("teaser", "after the article") == (cut[AFTER[1]].kind, cut[AFTER[1]].reason)
    assert "legal" == cut[AFTER[3]].kind
    assert "contact" == cut[AFTER[4]].kind
    assert all(block.score < 1 for block in cut.values())


def test_a_block_in_another_language_says_so() -> None:
    foreign = "Портът ще бъде затворен до края на месеца заради ремонта"
    assert "other-language" == separate([*ARTICLE, "Most read", "Menu", foreign[:30]]).cut[-1].kind


def test_chinese_prose_is_prose() -> None:
    body = "港务局周五宣布，因为潜水员发现支柱出现裂缝，北码头已经关闭，渔船必须改在南边的码头卸货，直到月底。"
    separation = separate(["首页", "体育", body, body, "联系我们", "更多"])
    assert (body, body) == separation.body
