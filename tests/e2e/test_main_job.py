"""The main job, as `docker compose up` runs it."""

from tests.compose import ComposedDateline
from tests.scenario import (
    a_file_is_found_edited_moved_and_deleted,
    a_file_is_not_taken_before_its_writer_has_closed_it,
    a_folder_that_cannot_be_read_is_told,
    a_rebuilt_index_finds_the_same,
    a_rejected_file_is_explained_and_replayed,
    a_restart_ingests_nothing_again,
)


def test_a_dropped_file_is_found_until_it_is_deleted(composed: ComposedDateline) -> None:
    a_file_is_found_edited_moved_and_deleted(composed.dateline)


def test_a_file_is_not_taken_before_its_writer_has_closed_it(composed: ComposedDateline) -> None:
    a_file_is_not_taken_before_its_writer_has_closed_it(composed.dateline)


def test_a_folder_that_cannot_be_read_is_told(composed: ComposedDateline) -> None:
    a_folder_that_cannot_be_read_is_told(composed.dateline)


def test_a_rejected_file_is_explained_and_replayed(composed: ComposedDateline) -> None:
    a_rejected_file_is_explained_and_replayed(composed.dateline)


def test_a_rebuilt_index_finds_the_same(composed: ComposedDateline) -> None:
    a_rebuilt_index_finds_the_same(composed.dateline)


def test_a_restart_of_all_containers_ingests_nothing_again(composed: ComposedDateline) -> None:
    a_restart_ingests_nothing_again(composed.dateline, composed.restart)


def test_no_service_was_refused_a_redis_command(composed: ComposedDateline) -> None:
    """Each service's user may do what the service does."""
    for service in ("fetcher", "parser", "indexer"):
        assert "NOPERM" not in composed.command("logs", service)
        assert "no permissions" not in composed.command("logs", service)
