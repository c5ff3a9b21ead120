"""Writes the JSON Schemas of all messages: `python -m shared.contracts.schemas` (or `make contracts`)."""

import json
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from shared.contracts import (
    DocumentChanged,
    DocumentFetched,
    DocumentParsed,
    DocumentRejected,
    DocumentSettled,
    IgnoredFiles,
    LedgerCounts,
    ParsedDocument,
)

FOLDER = Path(__file__).parent / "schemas"

#: What is read by another process than the one that wrote it, under the name of its file.
CONTRACTS: dict[str, TypeAdapter[BaseModel]] = {
    "document_fetched": TypeAdapter(DocumentFetched),
    "document_parsed": TypeAdapter(DocumentParsed),
    "document_changed": TypeAdapter(DocumentChanged),
    "document_rejected": TypeAdapter(DocumentRejected),
    "document_settled": TypeAdapter(DocumentSettled),
    "parsed_document": TypeAdapter(ParsedDocument),
    "ledger_counts": TypeAdapter(LedgerCounts),
    "ignored_files": TypeAdapter(IgnoredFiles),
}


def schema_of(name: str) -> str:
    """Return the JSON Schema of one contract, as it is committed."""
    return json.dumps(CONTRACTS[name].json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for contract in CONTRACTS:
        (FOLDER / f"{contract}.json").write_text(schema_of(contract))
