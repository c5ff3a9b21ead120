import textwrap

from services.parser.domain.paragraphs import paragraphs

FIRST = (
    "The harbour authority closed the northern pier on Friday after divers found cracks in three pillars "
    "that carry it, and asked the fishing boats to land their catch further south until the end of the month."
)
SECOND = (
    "Repairs will take six weeks, said the harbour master, who has asked the ministry for money and a second "
    "crane, since the only one that can lift the stones is needed for the breakwater."
)


def test_hard_wrapped_paragraphs_become_one_line_each() -> None:
    wrapped = "\n\n".join(textwrap.fill(text, 72) for text in (FIRST, SECOND))
    assert [FIRST, SECOND] == paragraphs(wrapped)


def test_a_short_line_ends_a_wrapped_paragraph_even_without_a_blank_line() -> None:
    wrapped = "\n".join(textwrap.fill(text, 72) for text in (FIRST, SECOND))
    assert [FIRST, SECOND] == paragraphs(wrapped)


def test_one_paragraph_a_line_stays_as_it_is() -> None:
    assert [FIRST, SECOND, FIRST] == paragraphs("\n".join((FIRST, SECOND, FIRST)))


def test_a_poem_keeps_its_lines() -> None:
    lines = [
        "The tide came in at seven,",
        "and took the boats we had;",
        "it gave us back eleven,",
        "and all of them were bad.",
    ]
    assert lines == paragraphs("\n".join(lines))


def test_wrapped_chinese_is_joined_without_a_space() -> None:
    sentence = "港务局周五宣布因为潜水员发现支柱出现裂缝所以关闭北码头并要求渔船在月底之前改在南边的码头卸货" * 4
    lines = [sentence[i : i + 40] for i in range(0, len(sentence), 40)]
    assert [sentence] == paragraphs("\n".join(lines))
