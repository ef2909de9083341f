"""What every catalog promises of leases (`orchestrator.ports.catalog.Leases`)."""

from datetime import datetime

import pytest

from orchestrator.errors import LeaseLostError, SeriesLockedError
from orchestrator.model.lease import Lease
from orchestrator.ports.catalog import Catalog
from tests.contracts.catalog_values import HOUR, MINUTE, NOON, at_once, run_id
from tests.support.builders import a_series, an_actor

OTHER = a_series("payroll", "wages")


def take(
    catalog: Catalog, number: int, *, now: datetime = NOON, taking_over: Lease | None = None
) -> Lease:
    return catalog.acquire(
        a_series(),
        run_id(number),
        holder=an_actor(process=number),
        now=now,
        duration=MINUTE,
        taking_over=taking_over,
    )


def assert_lost(catalog: Catalog, lease: Lease) -> None:
    with pytest.raises(LeaseLostError, match=lease.run):
        catalog.check(lease, now=NOON)
    with pytest.raises(LeaseLostError, match=lease.run):
        catalog.renew(lease, now=NOON, duration=HOUR)


class LeasesContract:
    def test_a_lease_that_was_never_taken_is_free(self, catalog: Catalog):
        lease = take(catalog, 1)
        assert (lease.run, lease.expires_at) == (run_id(1), NOON + MINUTE)
        assert lease.holder == an_actor(process=1)
        assert catalog.leases() == [lease]
        catalog.check(lease, now=NOON)

    def test_each_series_has_its_own(self, catalog: Catalog):
        ours = take(catalog, 1)
        theirs = catalog.acquire(OTHER, run_id(2), holder=an_actor(), now=NOON, duration=HOUR)
        assert catalog.leases() == [theirs, ours]

    def test_a_held_lease_is_refused_and_the_message_says_who_and_until_when(
        self, catalog: Catalog
    ):
        held = take(catalog, 1)
        with pytest.raises(SeriesLockedError) as caught:
            take(catalog, 2)
        for word in ("practice/app", held.run, "backup@backup-host", "2026-11-22T12:01:00Z"):
            assert word in caught.value.what
        assert catalog.leases() == [held]

    def test_a_lease_past_its_time_is_not_free_without_a_take_over(self, catalog: Catalog):
        held = take(catalog, 1)
        with pytest.raises(SeriesLockedError, match="has passed"):
            take(catalog, 2, now=NOON + HOUR)
        assert catalog.leases() == [held]

    def test_a_released_lease_is_free_under_a_higher_fence(self, catalog: Catalog):
        fences = []
        for number in range(4):
            lease = take(catalog, number)
            fences.append(lease.fence)
            catalog.release(lease)
            assert not catalog.leases()
        assert fences == sorted(set(fences))

    def test_the_holder_that_was_found_gone_is_replaced_under_a_higher_fence(
        self, catalog: Catalog
    ):
        gone = take(catalog, 1)
        new = take(catalog, 2, now=NOON + HOUR, taking_over=gone)
        assert new.fence > gone.fence
        assert catalog.leases() == [new]
        assert_lost(catalog, gone)

    def test_only_the_very_holder_that_was_found_gone_is_replaced(self, catalog: Catalog):
        gone = take(catalog, 1)
        new = take(catalog, 2, taking_over=gone)
        with pytest.raises(SeriesLockedError, match=new.run):
            take(catalog, 3, taking_over=gone)
        assert catalog.leases() == [new]

    def test_a_lease_released_in_the_meantime_may_be_taken_over(self, catalog: Catalog):
        first = take(catalog, 1)
        catalog.release(first)
        assert take(catalog, 2, taking_over=first).fence > first.fence

    def test_renewing_moves_the_end(self, catalog: Catalog):
        lease = take(catalog, 1)
        renewed = catalog.renew(lease, now=NOON + MINUTE, duration=HOUR)
        assert (renewed.fence, renewed.expires_at) == (lease.fence, NOON + MINUTE + HOUR)
        assert catalog.leases() == [renewed]
        catalog.check(lease, now=NOON + HOUR)

    def test_a_lease_past_its_time_that_nobody_took_can_be_renewed(self, catalog: Catalog):
        lease = take(catalog, 1)
        catalog.renew(lease, now=NOON + HOUR, duration=MINUTE)
        catalog.check(lease, now=NOON + HOUR)

    def test_a_check_fails_from_the_end_on(self, catalog: Catalog):
        lease = take(catalog, 1)
        catalog.check(lease, now=NOON + MINUTE - MINUTE / 60)
        with pytest.raises(LeaseLostError, match="passed at 2026-11-22T12:01:00Z") as caught:
            catalog.check(lease, now=NOON + MINUTE)
        assert caught.value.next_step

    def test_a_lease_is_lost_once_released(self, catalog: Catalog):
        lease = take(catalog, 1)
        catalog.release(lease)
        catalog.release(lease)
        assert_lost(catalog, lease)

    def test_a_lease_of_a_series_without_any_is_lost(self, catalog: Catalog):
        lease = take(catalog, 1)
        unknown = Lease(
            series=OTHER, run=lease.run, holder=lease.holder, fence=1, expires_at=NOON + HOUR
        )
        assert_lost(catalog, unknown)
        catalog.release(unknown)
        assert catalog.leases() == [lease]

    def test_releasing_a_lost_lease_leaves_the_new_one_alone(self, catalog: Catalog):
        lost = take(catalog, 1)
        new = take(catalog, 2, taking_over=lost)
        catalog.release(lost)
        assert catalog.leases() == [new]
        catalog.check(new, now=NOON)

    def test_of_two_that_want_a_free_lease_at_once_one_gets_it(self, catalog: Catalog):
        fences = []
        for _ in range(50):
            winner = self.race(catalog, None)
            fences.append(winner.fence)
            catalog.release(winner)
        assert fences == sorted(set(fences))

    def test_of_two_that_take_over_at_once_one_gets_it(self, catalog: Catalog):
        holder = take(catalog, 0)
        for _ in range(50):
            winner = self.race(catalog, holder)
            assert winner.fence > holder.fence
            holder = winner

    def race(self, catalog: Catalog, gone: Lease | None) -> Lease:
        results = at_once(
            lambda: take(catalog, 1, taking_over=gone), lambda: take(catalog, 2, taking_over=gone)
        )
        winners = [result for result in results if isinstance(result, Lease)]
        losers = [result for result in results if isinstance(result, SeriesLockedError)]
        assert (len(winners), len(losers)) == (1, 1), results
        assert catalog.leases() == winners
        return winners[0]
