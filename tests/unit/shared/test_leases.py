"""What a process may hold, and how much more it may take."""

from shared.messaging.leases import Leases


async def test_no_more_is_free_than_workers_are_idle() -> None:
    leases = Leases(capacity=2)
    assert await leases.free(0) == 2
    leases.take(b"1-0", 1)
    assert await leases.free(0) == 1
    leases.take(b"2-0", 1)
    assert await leases.free(0) == 0
    leases.release(b"1-0")
    assert await leases.free(0) == 1


async def test_nothing_is_free_beside_a_suspect() -> None:
    leases = Leases(capacity=4)
    leases.take(b"1-0", 3, alone=True)
    assert await leases.free(0) == 0
    leases.release(b"1-0")
    assert await leases.free(0) == 4


def test_a_deferred_entry_is_owned_until_its_time_has_come() -> None:
    leases = Leases(capacity=1)
    leases.take(b"1-0", 2)
    leases.defer(b"1-0", 60)
    assert (leases.idle, leases.owns(b"1-0"), leases.at_work()) == (True, True, {})
    leases.defer(b"2-0", 0)
    assert not leases.owns(b"2-0")


async def test_deferred_entries_do_not_pile_up_without_bound() -> None:
    leases = Leases(capacity=1)
    for i in range(10):
        leases.defer(b"%d-0" % i, 60)
    assert await leases.free(0) == 0
