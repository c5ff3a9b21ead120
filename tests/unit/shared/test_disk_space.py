"""Who would fill a disk stops before it is full."""

from pathlib import Path

from shared.disk_space import DiskSpace

MB, GB = 2**20, 2**30


def disk(total: int, free: int, part: float = 1.0) -> DiskSpace:
    return DiskSpace(Path("/"), part=part, usage=lambda _: (total, free))


def test_a_tenth_of_a_small_disk_stays_free() -> None:
    assert disk(100 * MB, 10 * MB).fault() is None
    assert disk(100 * MB, 10 * MB - 1).fault() == (
        "the disk of / has 10 MB left of 100, and 10 are needed: free some space"
    )


def test_a_gibibyte_of_a_large_disk_stays_free() -> None:
    assert disk(1_000 * GB, GB).fault() is None
    assert disk(1_000 * GB, GB - 1).fault() is not None


def test_what_is_to_be_written_must_fit_beside_that() -> None:
    assert disk(100 * MB, 30 * MB).fault(20 * MB) is None
    assert disk(100 * MB, 30 * MB).fault(20 * MB + 1) is not None


def test_finishing_what_was_begun_may_go_deeper() -> None:
    assert disk(100 * MB, 6 * MB).fault() is not None
    assert disk(100 * MB, 6 * MB, part=0.5).fault() is None


def test_the_fullest_of_several_disks_decides(tmp_path: Path) -> None:
    """A folder that is not there yet will be in the file system of the one above it."""
    usage = {tmp_path: (100 * MB, 50 * MB), tmp_path / "b": (100 * MB, 5 * MB)}
    (tmp_path / "b").mkdir()
    both = DiskSpace(tmp_path / "a" / "later", tmp_path / "b", usage=lambda folder: usage[folder])
    assert both.free() == 5 * MB
    assert str(tmp_path / "b") in (both.fault() or "")
