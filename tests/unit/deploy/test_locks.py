"""The locks: every package by hash, the same version everywhere, from nowhere in particular."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DEV = ROOT / "requirements" / "dev.lock"
LOCKS = sorted([*ROOT.glob("requirements/*.lock"), *ROOT.glob("services/*/requirements.lock")])


def pins(lock: Path) -> dict[str, str]:
    """Return package and marker → version."""
    found = re.findall(r"^([a-z0-9._-]+)==(\S+)( ; .*?)? \\$", lock.read_text(), re.MULTILINE)
    return {name + marker: version for name, version, marker in found}


def test_every_service_has_a_lock() -> None:
    assert {"dev", "local", "fetcher", "parser", "indexer"} == {
        lock.parent.name if lock.stem == "requirements" else lock.stem for lock in LOCKS
    }


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_holds_versions_with_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text()
    assert not re.search(r"://|^-|^\s*-[^-]|file:", re.sub(r"# .*", "", text), re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [] == [entry for entry in entries if "--hash=sha256:" not in entry]


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock != DEV], ids=lambda lock: str(lock.relative_to(ROOT)))
def test_what_runs_has_the_versions_that_were_tested(lock: Path) -> None:
    tested = {name.split(" ")[0] + version for name, version in pins(DEV).items()}
    assert set() == {name.split(" ")[0] + version for name, version in pins(lock).items()} - tested
