"""Messages on their way outlive the software that wrote them: what was ever published can be read."""

import json
from pathlib import Path

import pytest

from shared.blobs import FilesystemBlobStore
from shared.claim_check import check_out
from shared.contracts import InlineText, ParsedDocument
from shared.contracts.schemas import CONTRACTS, FOLDER, schema_of
from shared.messaging.envelope import decode, encode
from shared.streams import CONSUMER_GROUP, STREAM_OF, Stream

EXAMPLES = sorted((Path(__file__).parents[2] / "shared/contracts/examples").rglob("*.json"))


def contract_of(example: Path) -> str:
    return example.name.split(".")[0]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_message_ever_published_can_be_read(example: Path) -> None:
    message = CONTRACTS[contract_of(example)].validate_json(example.read_bytes())
    assert json.loads(example.read_text()) == message.model_dump(
        mode="json", exclude_unset=True
    )  # fields that came later have defaults


def test_every_contract_has_an_example_and_a_schema() -> None:
    assert {contract_of(e) for e in EXAMPLES} == set(CONTRACTS)
    assert {p.stem for p in FOLDER.glob("*.json")} == set(CONTRACTS)


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_committed_schema_is_the_one_of_the_code(name: str) -> None:
    """If this fails: a change that old messages survive needs `make contracts`; any other needs a new version."""
    assert (FOLDER / f"{name}.json").read_text() == schema_of(name)


def test_a_document_checked_in_by_the_first_version_can_be_checked_out(tmp_path: Path) -> None:
    example = next(e for e in EXAMPLES if e.stem == "document_parsed")
    claim = InlineText.model_validate(json.loads(example.read_text())["parsed"])
    document = check_out(claim, FilesystemBlobStore(tmp_path))
    assert isinstance(document, ParsedDocument)


async def test_an_event_survives_its_envelope() -> None:
    adapter = CONTRACTS["document_fetched"]
    event = adapter.validate_json(next(e for e in EXAMPLES if e.stem == "document_fetched").read_bytes())
    assert adapter.validate_json(decode(await encode(event))) == event  # type: ignore[arg-type]


def test_every_event_has_a_stream_and_every_stream_a_reader() -> None:
    assert set(STREAM_OF.values()) == set(Stream) == set(CONSUMER_GROUP)
