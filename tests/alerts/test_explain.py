"""Why an alert fired, what was told of it, and what comes next."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import translation

from accounts.audit import SYSTEM, Actor
from accounts.models import Source
from alerts import destinations, episodes, explain, incidents, mutes
from alerts.explain import MOST_AROUND, Sampled, explain_alert, thinned
from alerts.models import Alert, AlertPreferences, DeliveryAttempt, Incident, Notification

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def alone(no_defaults):
    """No rule but the test's own."""


@pytest.fixture
def rule(rule_of, owner):
    return rule_of(owner)


@pytest.fixture
def fire(guest, pass_time, rule):
    """Alice's server computes all it can until it fires."""

    def run(seconds=180):
        guest.busy_cpu = 0.97
        pass_time(seconds)
        return Alert.objects.firing().get()

    return run


@pytest.fixture
def recover(guest, pass_time):
    def run(alert):
        guest.busy_cpu = 0.1
        pass_time(30)
        alert.refresh_from_db()
        return alert

    return run


@pytest.fixture
def why(owner, clock):
    def ask(alert, person=None):
        alert.refresh_from_db()
        return explain_alert(alert, person=person or owner, now=clock())

    return ask


def codes(facts):
    return [fact.code for fact in facts]


class TestSamples:
    def test_which_crossed_when(self, fire, why):
        alert = fire()
        found = why(alert).samples
        assert found.first.at == int(alert.since.timestamp())
        assert found.first.value > 0.9
        assert found.count == 6
        assert found.furthest.value == max(each.value for each in found.around if each.crossed)
        assert "6 samples crossed" in found.text

    def test_around_it_are_those_that_did_not_cross_too(self, fire, pass_time, why):
        pass_time(60)
        found = why(fire()).samples
        assert {each.crossed for each in found.around} == {True, False}

    def test_after_its_end_nothing_is_counted(self, fire, recover, pass_time, why, guest):
        alert = recover(fire())
        before = why(alert).samples.count
        guest.busy_cpu = 0.97
        pass_time(60)
        assert why(alert).samples.count == before

    def test_those_of_a_long_one_are_thinned(self):
        many = [Sampled(at, 0.95, True) for at in range(1000)]
        found = thinned(many)
        assert len(found) == MOST_AROUND
        assert (found[0], found[-1]) == (many[0], many[-1])

    def test_what_is_not_measured_has_none(self, server, rule, clock, why):
        alert = Alert.objects.create(
            server=server, owner=server.owner, rule=rule, metric="state", severity="critical",
            condition="greater_than", since=clock(), fired_at=clock(),
        )  # fmt: skip
        assert why(alert).samples is None

    def test_of_a_single_file_system_the_samples_say_that_they_are_of_the_whole(
        self, server, rule, clock, why
    ):
        alert = Alert.objects.create(
            server=server, owner=server.owner, rule=rule, metric="disk", severity="warning",
            condition="greater_than", threshold=0.0, since=clock(), fired_at=clock(), detail="/var",
        )  # fmt: skip
        found = explain.said_of(alert, [], None)
        assert "/var" in found


class TestTimeline:
    def test_from_firing_to_recovered(self, fire, recover, why):
        found = why(recover(fire()))
        assert codes(found.timeline) == ["began", "fired", "told", "ended", "told_recovery"]
        assert (
            found.condition == "CPU above 90\xa0% for 2\xa0min" or "CPU above" in found.condition
        )
        assert "had to hold for" in found.text
        assert found.following.code == "over"

    def test_every_event_has_a_sentence(self, fire, recover, why, owner, clock):
        alert = fire()
        actor = Actor(owner, Source.WEB)
        episodes.acknowledge(alert, actor=actor, now=clock())
        episodes.unacknowledge(alert, actor=actor, now=clock())
        found = why(recover(alert))
        assert all(fact.text for fact in found.timeline)
        assert len({fact.text for fact in found.timeline}) == len(found.timeline)

    def test_what_is_held_back_says_by_what_until_when(self, fire, recover, why, owner):
        recover(fire())
        found = why(fire())
        [held] = [fact for fact in found.timeline if fact.code == "held"]
        assert held.data["reason"] == "cooldown"
        assert held.until is not None
        assert (found.following.code, found.following.until) == ("cooldown", held.until)

    def test_quiet_hours_hold_it(self, owner, fire, why):
        AlertPreferences.objects.update_or_create(
            user=owner, defaults={"quiet_from": time(0), "quiet_until": time(23, 59)}
        )
        found = why(fire())
        assert found.following.code == "quiet"
        assert found.following.until.time() == time(23, 59)

    def test_a_mute_without_end(self, owner, rule, fire, why, clock):
        mutes.mute(owner, rule=rule, server=None, until=None, actor=SYSTEM, now=clock())
        found = why(fire())
        assert (found.following.code, found.following.until) == ("muted", None)

    def test_without_a_channel(self, owner, fire, why, clock):
        channel = destinations.own_mail(owner, clock())
        destinations.disable(channel, actor=SYSTEM, now=clock())
        assert why(fire()).following.code == "no_channel"

    def test_what_was_told_waits_for_its_end(self, fire, why):
        assert why(fire()).following.code == "recovery"

    def test_a_reminder_comes_next(self, rule_of, owner, guest, pass_time, why, clock):
        rule_of(owner, remind_every=7200)
        guest.busy_cpu = 0.97
        pass_time(180)
        found = why(Alert.objects.firing().filter(rule__remind_every=7200).get())
        assert found.following.code == "reminder"
        assert found.following.until == found.alert.told_at + 2 * HOUR

    def test_what_was_told_and_is_muted_says_nothing_of_its_end(
        self, owner, rule, fire, why, clock
    ):
        alert = fire()
        mutes.mute(owner, rule=rule, server=None, until=None, actor=SYSTEM, now=clock())
        assert why(alert).following.code == "muted"

    def test_what_did_not_get_through_has_no_end_to_tell(self, fire, why):
        alert = fire()
        Notification.objects.update(status="given_up", error="550 no such user")
        found = why(alert)
        assert found.following.code == "lost"
        assert found.timeline[-1].text.endswith("(Mail). It did not get through.")

    def test_the_end_of_what_a_fault_was_told_for(self, fire, recover, why, server, clock):
        alert = fire()
        incident = Incident.objects.create(
            kind="node", cluster=server.cluster, name="pve1", began_at=clock()
        )
        Alert.objects.filter(pk=alert.pk).update(incident=incident)
        incidents.end(incident, now=clock())
        found = why(recover(alert))
        assert found.timeline[-1].data["reason"] == "over"
        assert "with that of the host's fault" in found.timeline[-1].text

    def test_what_is_so_or_is_not_crosses_nothing(self, rule_of, server, world, pass_time, why):
        rule_of(server.owner, metric="state", threshold=None, clear_at=None, duration=60)
        pass_time(30)
        world.set_power(server.vmid, "stopped")
        pass_time(120)
        found = why(Alert.objects.get(metric="state"))
        assert found.text.startswith("It began at ")
        assert found.timeline[0].text == "It began."

    def test_in_the_readers_language(self, fire, why, owner):
        owner.time_zone = "Europe/Moscow"
        owner.save()
        alert = fire()
        with translation.override("en"):
            assert "Europe/Moscow" in why(alert).text


class TestDeliveries:
    def test_what_the_mail_server_answered(self, fire, why):
        alert = fire()
        notification = alert.notifications.get()
        Notification.objects.filter(pk=notification.pk).update(answer="250 queued as ABC")
        [delivery] = why(alert).deliveries
        assert "250 queued as ABC" in delivery.text
        assert notification.address in delivery.text

    def test_what_did_not_get_through_says_when_it_is_tried_again(self, fire, why, clock):
        alert = fire()
        Notification.objects.update(
            status="failed", error="451 try later", next_attempt_at=clock() + HOUR, sent_at=None
        )
        [delivery] = why(alert).deliveries
        assert "451 try later" in delivery.text
        assert "tried again" in delivery.text

    def test_attempts_in_order(self, fire, why, clock):
        alert = fire()
        notification = alert.notifications.get()
        DeliveryAttempt.objects.filter(notification=notification).delete()
        for minutes in (2, 1):
            DeliveryAttempt.objects.create(
                notification=notification, outcome="failed", answer=f"{minutes}",
                began_at=clock() + timedelta(minutes=minutes),
                ended_at=clock() + timedelta(minutes=minutes),
            )  # fmt: skip
        [delivery] = why(alert).deliveries
        assert [attempt.answer for attempt in delivery.attempts] == ["1", "2"]

    def test_those_of_others_are_for_staff(self, fire, why, bob, staff):
        alert = fire()
        assert why(alert, person=bob).deliveries == []
        assert len(why(alert, person=staff).deliveries) == 1


class TestIncident:
    def test_customers_do_not_read_what_the_host_is_called(self, fire, why, staff, server, clock):
        alert = fire()
        incident = Incident.objects.create(
            kind="node", cluster=server.cluster, name="pve-secret", why="offline",
            began_at=clock(),
        )  # fmt: skip
        Alert.objects.filter(pk=alert.pk).update(incident=incident)
        alert = Alert.objects.get(pk=alert.pk)
        assert "pve-secret" not in why(alert).incident.text
        assert why(alert).incident.data == {}
        assert "pve-secret" in why(alert, person=staff).incident.text


def test_it_takes_the_same_few_queries_however_much_happened(
    fire, recover, why, owner, django_assert_max_num_queries
):
    alert = recover(fire())
    for _ in range(20):
        alert.events.create(
            at=datetime.now(UTC), kind="held", reason="cooldown", until=datetime.now(UTC)
        )
    # The alert anew, events, deliveries, attempts, samples, its rule.
    with django_assert_max_num_queries(7):
        why(alert)
