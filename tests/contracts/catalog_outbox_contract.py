"""What every catalog promises of incidents and the outbox (`orchestrator.ports.outbox`)."""

from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.model.alert import AlertKind, Cause
from orchestrator.model.incident import IncidentChange, MessageState, Setback, UncoveredTables
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Event
from orchestrator.ports.catalog import Catalog
from tests.contracts.catalog_values import HOUR, MINUTE, NOON, an_entry, at_once, subjects
from tests.support.alerting import a_cause, a_message, an_alert, an_incident
from tests.support.builders import (
    a_backup,
    a_copy,
    a_damaged_copy,
    a_series,
    an_actor,
    an_error_report,
)

OTHER = a_series("payroll", "wages")


def opening(at: datetime = NOON, subject: str = "practice/app") -> IncidentChange:
    """An incident that opens, its message, and an entry for the log."""
    cause = a_cause(subject)
    return IncidentChange(
        before=None,
        after=an_incident(cause, at=at),
        message=a_message(at, about=cause),
        entry=an_entry(f"{subject} opened", at=at),
    )


class IncidentsContract:
    def test_nothing_is_wrong_at_first(self, catalog: Catalog):
        assert catalog.incidents() == []
        assert catalog.undelivered() == []
        assert catalog.messages() == []

    def test_an_incident_its_message_and_its_entry_come_back_equal(self, catalog: Catalog):
        change = opening()
        assert catalog.record_incidents([change]) == 1
        assert catalog.incidents() == [change.after]
        assert catalog.messages() == catalog.undelivered() == [change.message]
        assert subjects(catalog) == ["practice/app opened"]

    def test_an_incident_opens_once_whoever_comes_second(self, catalog: Catalog):
        second = replace(opening(NOON + HOUR), entry=an_entry("second"))
        assert catalog.record_incidents([opening()]) == 1
        assert catalog.record_incidents([second]) == 0
        assert catalog.incidents() == [opening().after]
        assert len(catalog.messages()) == 1
        assert subjects(catalog) == ["practice/app opened"]

    def test_a_change_that_was_decided_from_something_older_is_left_out(self, catalog: Catalog):
        first = an_incident()
        told = replace(first, told_at=NOON + HOUR, version=2)
        late = replace(first, recovered_at=NOON + HOUR, version=2)
        catalog.record_incidents([IncidentChange(before=None, after=first)])
        assert catalog.record_incidents([IncidentChange(before=first, after=told)]) == 1
        message = a_message(NOON + HOUR)
        change = IncidentChange(before=first, after=late, message=message)
        assert catalog.record_incidents([change]) == 0
        assert catalog.incidents() == [told]
        assert catalog.messages() == []

    def test_one_change_that_comes_too_late_does_not_stop_the_others(self, catalog: Catalog):
        catalog.record_incidents([opening()])
        assert catalog.record_incidents([opening(), opening(subject="destination local")]) == 1
        assert [one.cause.subject for one in catalog.incidents()] == [
            "destination local",
            "practice/app",
        ]

    def test_channels_have_incidents_of_their_own(self, catalog: Catalog):
        mail = replace(an_incident(), channel=ChannelName("mail"))
        catalog.record_incidents(
            [IncidentChange(before=None, after=one) for one in (an_incident(), mail)]
        )
        assert catalog.incidents() == [mail, an_incident()]

    def test_of_several_processes_at_once_one_opens_an_incident(self, catalog: Catalog):
        calls = [
            lambda n=n: catalog.record_incidents([replace(opening(), entry=an_entry(f"{n}"))])
            for n in range(4)
        ]
        assert sorted(map(str, at_once(*calls))) == ["0", "0", "0", "1"]
        assert len(catalog.messages()) == len(catalog.log()) == 1

    def test_a_digest_is_written_once(self, catalog: Catalog):
        alert = replace(an_alert(), kind=AlertKind.DIGEST, cause=Cause(Event.DIGEST, "practice"))
        digest = IncidentChange(before=None, after=None, message=a_message(alert=alert))
        assert [catalog.record_incidents([digest]) for _ in range(2)] == [1, 0]
        assert catalog.incidents() == []
        assert len(catalog.messages()) == 1


class OutboxContract:
    def test_messages_are_listed_oldest_first_from_a_time_on(self, catalog: Catalog):
        for hours in (2, 0, 1):
            change = opening(NOON + hours * HOUR, subject=f"practice/app{hours}")
            catalog.record_incidents([change])
        assert [m.created_at for m in catalog.messages()] == [NOON + n * HOUR for n in range(3)]
        assert len(catalog.messages(since=NOON + HOUR)) == 2

    def test_a_message_is_claimed_by_one_process_of_several(self, catalog: Catalog):
        catalog.record_incidents([opening()])
        (message,) = catalog.undelivered()
        claims = [message.claimed(an_actor(process=n), NOON + MINUTE) for n in range(4)]
        found = at_once(*(lambda claim=claim: catalog.claim_message(claim) for claim in claims))
        assert sorted(map(str, found)) == ["False", "False", "False", "True"]
        (stored,) = catalog.undelivered()
        assert (stored.state, stored.attempts) == (MessageState.SENDING, 1)
        assert stored in claims

    def test_what_was_sent_is_undelivered_no_more(self, catalog: Catalog):
        catalog.record_incidents([opening()])
        claimed = catalog.undelivered()[0].claimed(an_actor(), NOON + MINUTE)
        catalog.claim_message(claimed)
        sent = claimed.ended(MessageState.SENT, "200 \0 \udc80", NOON + MINUTE)
        assert catalog.record_delivery(sent)
        assert catalog.undelivered() == []
        assert catalog.messages() == [replace(sent, answer="200 \ufffd \ufffd")]

    def test_what_failed_waits_for_its_next_attempt(self, catalog: Catalog):
        catalog.record_incidents([opening()])
        claimed = catalog.undelivered()[0].claimed(an_actor(), NOON + MINUTE)
        catalog.claim_message(claimed)
        queued = claimed.put_off("503", NOON + HOUR)
        assert catalog.record_delivery(queued)
        assert catalog.undelivered() == [queued]

    def test_a_sender_whose_claim_was_taken_over_records_nothing(self, catalog: Catalog):
        catalog.record_incidents([opening()])
        first = catalog.undelivered()[0].claimed(an_actor(process=1), NOON + MINUTE)
        catalog.claim_message(first)
        second = first.claimed(an_actor(process=2), NOON + HOUR)
        assert catalog.claim_message(second)
        assert not catalog.record_delivery(first.put_off("503", NOON + HOUR))
        assert catalog.undelivered() == [second]

    def test_what_ended_long_ago_is_forgotten_and_nothing_else(self, catalog: Catalog):
        closed = replace(an_incident(), recovered_at=NOON)
        waiting = a_message(NOON - 100 * HOUR, about=a_cause("destination local"))
        open_one = an_incident(a_cause("destination local"), at=NOON - 100 * HOUR)
        sent = a_message(NOON).claimed(an_actor(), NOON).ended(MessageState.SENT, "", NOON)
        catalog.record_incidents(
            [
                IncidentChange(before=None, after=closed, message=sent),
                IncidentChange(before=None, after=open_one, message=waiting),
            ]
        )
        catalog.tidy_outbox(before=NOON)
        assert len(catalog.messages()) == len(catalog.incidents()) == 2
        catalog.tidy_outbox(before=NOON + timedelta(microseconds=1))
        assert catalog.messages() == [waiting]
        assert catalog.incidents() == [open_one]


class AlertFactsContract:
    def test_a_setback_keeps_its_beginning_until_it_is_forgotten(self, catalog: Catalog):
        first = Setback(
            series=a_series(),
            action="verify_copy",
            about="local",
            error=an_error_report(),
            since=NOON,
        )
        later = replace(first, error=an_error_report("ORC-302"), since=NOON + HOUR)
        elsewhere = replace(first, series=OTHER)
        for setback in (elsewhere, first, later):
            catalog.record_setback(setback)
        assert catalog.setbacks() == [elsewhere, replace(later, since=NOON)]
        catalog.forget_setbacks([first.key, (a_series("nobody"), "verify_copy", "")])
        assert catalog.setbacks() == [elsewhere]

    def test_uncovered_tables_keep_their_beginning_until_there_are_none(self, catalog: Catalog):
        found = UncoveredTables(series=a_series(), tables=("public.new",), since=NOON)
        more = replace(found, tables=("public.new", "public.newer"), since=NOON + HOUR)
        for uncovered in (found, more, replace(found, series=OTHER, tables=())):
            catalog.record_uncovered(uncovered)
        assert catalog.uncovered_tables() == [replace(more, since=NOON)]
        catalog.record_uncovered(replace(found, tables=()))
        assert catalog.uncovered_tables() == []

    def test_damaged_copies_are_found_whatever_the_number_of_good_ones(self, catalog: Catalog):
        good = a_backup(NOON)
        bad = a_backup(NOON + HOUR, copies=[a_copy("offsite"), a_damaged_copy("local", "a gap")])
        for backup in (good, bad):
            catalog.record_backup(backup, an_entry(backup.id))
        (found,) = catalog.damaged_copies()
        assert (found.series, found.backup, found.destination, found.trouble) == (
            bad.series,
            bad.id,
            "local",
            "a gap",
        )

    def test_totals_count_what_was_taken_in_the_period(self, catalog: Catalog):
        damaged = a_backup(NOON - HOUR, copies=[a_damaged_copy()])
        early, late = a_backup(NOON), replace(a_backup(NOON + HOUR), new_bytes=2**40)
        for backup in (damaged, early, late):
            catalog.record_backup(backup, an_entry(backup.id))
        totals = catalog.totals(since=NOON + HOUR)[a_series()]
        assert (totals.listed, totals.taken, totals.new_bytes) == (3, 1, 2**40)
        assert totals.oldest == NOON
