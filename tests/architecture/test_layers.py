"""The architecture is a test: who may import whom, that every setting is documented, that nothing points outside."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.fetcher.settings import FetcherSettings
from services.indexer.settings import IndexerSettings
from services.parser.settings import ParserSettings
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--config", ".importlinter"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("settings", [ServiceSettings, FetcherSettings, ParserSettings, IndexerSettings])
def test_every_setting_has_a_sentence_and_is_in_the_documentation(settings: type[ServiceSettings]) -> None:
    documented = (ROOT / "docs" / "settings.md").read_text()
    for name, field in settings.model_fields.items():
        assert field.description
        assert field.description.endswith((".", "make up` runs, on a unix socket in the data folder."))
        assert f"`DATELINE_{name.upper()}`" in documented


def test_no_lock_file_names_an_address() -> None:
    locks = [ROOT / name for name in TRACKED if name.endswith(".lock")]
    assert locks
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text


@pytest.mark.parametrize("name", [n for n in TRACKED if n.endswith(".md")])
def test_documentation_links_to_what_exists(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text()):
        if "://" not in target:
            assert (ROOT / name).parent.joinpath(target).exists(), target
