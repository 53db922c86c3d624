"""Rules as people make them: what is refused and why, what replaces what, what a change does."""

import pytest

from accounts.audit import SYSTEM, Actor
from accounts.models import AuditEntry, Source, User
from alerts import rulebook, rules
from alerts.models import Alert, AlertRule, AlertStanding, RuleBook
from servers import labels, ownership
from servers.models import Server
from servers.operations import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture
def refused(ann, clock):
    """The field that is not right, and why."""

    def make(**wish):
        with pytest.raises(Invalid) as found:
            make_rule(ann, clock, **wish)
        return found.value.field, str(found.value)

    return make


def make_rule(owner, clock, actor=None, replaces=None, **wish):
    about = {"metric": "cpu", "threshold": 0.9, **wish}
    return rules.create(
        owner, about, replaces=replaces, actor=actor or Actor(owner, Source.WEB), now=clock()
    )


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"metric": "weather"}, "metric"),
        ({"threshold": None}, "threshold"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": -0.1}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": float("inf"), "metric": "network_in"}, "threshold"),
        ({"clear_at": 0.95}, "clear_at"),
        ({"clear_at": 0.85, "condition": "less_than"}, "clear_at"),
        ({"duration": -1}, "duration"),
        ({"duration": 604801}, "duration"),
        ({"metric": "state", "threshold": 0.5}, "threshold"),
        ({"metric": "snapshot_age", "condition": "less_than", "threshold": 100}, "condition"),
        ({"metric": "disk_full_in", "threshold": 100}, "condition"),
        ({"metric": "snapshot_failed", "threshold": None, "duration": 60}, "duration"),
        ({"mountpoint": "/var"}, "mountpoint"),
        ({"trust": "guest"}, "trust"),
        ({"metric": "state", "threshold": None, "no_data": True}, "no_data"),
        ({"remind_every": 60}, "remind_every"),
        ({"label": "a b c!"}, "label"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(refused, wish, field):
    assert refused(**wish)[0] == field
    assert not AlertRule.objects.filter(owner__isnull=False).exists()


def test_a_server_of_somebody_else_is_none(refused, server):
    assert refused(server=server) == ("server", "There is no such server.")


def test_a_rule_has_one_scope(server, alice, clock):
    with pytest.raises(Invalid) as found:
        make_rule(alice, clock, server=server, label="env=prod")
    assert found.value.field == "scope"


def test_there_is_an_end_to_how_many(ann, clock, monkeypatch):
    monkeypatch.setattr(rules, "MOST_RULES", 2)
    make_rule(ann, clock)
    make_rule(ann, clock)
    with pytest.raises(Invalid):
        make_rule(ann, clock)


def test_each_change_is_recorded_and_taken_up(ann, clock):
    rulebook.book()
    seen = {RuleBook.objects.get().revision}
    rule = make_rule(ann, clock)
    seen.add(RuleBook.objects.get().revision)
    rules.change(rule, {"threshold": 0.8}, actor=SYSTEM, now=clock())
    seen.add(RuleBook.objects.get().revision)
    rules.delete(rule, actor=SYSTEM, now=clock())
    seen.add(RuleBook.objects.get().revision)
    assert len(seen) == 4
    events = AuditEntry.objects.filter(object_type="alert_rule").order_by("pk")
    assert [entry.event for entry in events] == [
        "alert_rule.created", "alert_rule.changed", "alert_rule.deleted",
    ]  # fmt: skip
    assert events[1].details["threshold"] == 0.8


class TestDefaults:
    def default(self, metric="cpu"):
        rulebook.book()
        return AlertRule.objects.defaults().get(metric=metric)

    def test_they_are_written_once(self, db):
        rulebook.book()
        rulebook.begin()
        assert AlertRule.objects.defaults().count() == len(rulebook.DEFAULTS)

    def test_they_are_for_staff_to_change(self, ann, staff, clock):
        default = self.default()
        with pytest.raises(rules.NotAllowed):
            rules.change(default, {"threshold": 0.5}, actor=Actor(ann, Source.WEB), now=clock())
        with pytest.raises(rules.NotAllowed):
            rules.delete(default, actor=Actor(ann, Source.WEB), now=clock())
        rules.change(default, {"threshold": 0.95}, actor=Actor(staff, Source.ADMIN), now=clock())
        assert self.default().threshold == 0.95

    def test_staff_without_the_right_may_not(self, clock):
        helper = User.objects.create_user("helper@example.com", "x" * 12, is_staff=True)
        with pytest.raises(rules.NotAllowed):
            rules.change(
                self.default(), {"threshold": 0.5}, actor=Actor(helper, Source.ADMIN), now=clock()
            )

    def test_what_replaces_one_takes_over_what_it_does_not_say(self, ann, clock):
        default = self.default()
        mine = rules.create(ann, {"threshold": 0.95}, replaces=default, actor=SYSTEM, now=clock())
        assert (mine.metric, mine.duration, mine.clear_at) == ("cpu", 600, 0.85)
        assert mine.base == default.pk

    def test_one_is_replaced_once_for_the_same_servers(self, ann, clock):
        default = self.default()
        make_rule(ann, clock, replaces=default)
        with pytest.raises(Invalid) as found:
            make_rule(ann, clock, replaces=default)
        assert found.value.field == "replaces"
        make_rule(ann, clock, replaces=default, label="env=prod")

    def test_what_is_replaced_keeps_its_metric(self, ann, clock):
        """Else a rule about CPU would stand instead of one about memory."""
        default = self.default()
        make_rule(ann, clock, replaces=default)
        with pytest.raises(Invalid) as found:
            rules.change(default, {"metric": "memory"}, actor=SYSTEM, now=clock())
        assert found.value.field == "metric"

    def test_only_by_a_rule_of_the_same_metric(self, ann, clock):
        with pytest.raises(Invalid) as found:
            make_rule(ann, clock, replaces=self.default(), metric="memory")
        assert found.value.field == "metric"

    def test_a_rule_of_ones_own_cannot_be_replaced(self, ann, clock):
        mine = make_rule(ann, clock)
        with pytest.raises(Invalid):
            make_rule(ann, clock, replaces=mine)


class TestApplying:
    @pytest.fixture(autouse=True)
    def first(self, db):
        rulebook.book()

    def of(self, server):
        server.refresh_from_db()
        return {
            (rule.metric, rule.threshold)
            for rule in rules.applying_to(server)
            if rule.metric == "cpu"
        }

    def test_the_narrowest_counts(self, server, alice, clock):
        default = AlertRule.objects.defaults().get(metric="cpu")
        assert self.of(server) == {("cpu", 0.9)}
        make_rule(alice, clock, replaces=default, threshold=0.91, clear_at=0.5)
        assert self.of(server) == {("cpu", 0.91)}
        make_rule(alice, clock, replaces=default, threshold=0.92, clear_at=0.5, label="env")
        assert self.of(server) == {("cpu", 0.91)}
        labels.replace(server, {"env": "prod"}, actor=SYSTEM, now=clock())
        assert self.of(server) == {("cpu", 0.92)}
        narrow = make_rule(
            alice, clock, replaces=default, threshold=0.93, clear_at=0.5, server=server
        )
        assert self.of(server) == {("cpu", 0.93)}
        rules.change(narrow, {"enabled": False}, actor=SYSTEM, now=clock())
        assert self.of(server) == set()
        rules.delete(narrow, actor=SYSTEM, now=clock())
        assert self.of(server) == {("cpu", 0.92)}

    def test_one_more_of_ones_own_stands_beside_the_default(self, server, alice, clock):
        make_rule(alice, clock, threshold=0.5)
        assert self.of(server) == {("cpu", 0.9), ("cpu", 0.5)}

    def test_a_rule_for_a_server_that_changed_hands_counts_no_more(
        self, server, alice, bob, clock
    ):
        make_rule(alice, clock, threshold=0.5, server=server)
        ownership.assign([server], bob, actor=SYSTEM, now=clock())
        assert self.of(server) == {("cpu", 0.9)}
        ownership.assign([Server.objects.get(pk=server.pk)], alice, actor=SYSTEM, now=clock())
        assert self.of(server) == {("cpu", 0.9), ("cpu", 0.5)}

    def test_a_label_with_a_value_and_without(self, server, alice, clock):
        make_rule(alice, clock, threshold=0.5, label="env=prod")
        make_rule(alice, clock, threshold=0.6, label="env")
        labels.replace(server, {"env": "dev"}, actor=SYSTEM, now=clock())
        assert self.of(server) == {("cpu", 0.9), ("cpu", 0.6)}
        labels.replace(server, {"env": "prod"}, actor=SYSTEM, now=clock())
        assert self.of(server) == {("cpu", 0.9), ("cpu", 0.6), ("cpu", 0.5)}


class TestChanging:
    @pytest.fixture
    def firing(self, server, alice, clock, rule_of):
        rule = rule_of(alice, duration=0)
        AlertStanding.objects.create(
            rule=rule, server=server, owner_id=alice.pk, state="firing", since=1
        )
        Alert.objects.create(
            rule=rule, server=server, owner=alice, metric="cpu", severity="warning",
            condition="greater_than", since=clock(), fired_at=clock(),
        )  # fmt: skip
        return rule

    def test_another_threshold_ends_nothing_by_itself(self, firing, clock):
        rules.change(firing, {"threshold": 0.95, "clear_at": 0.9}, actor=SYSTEM, now=clock())
        assert Alert.objects.firing().exists()

    @pytest.mark.parametrize("change", [{"metric": "memory"}, {"label": "env"}])
    def test_another_rule_does(self, firing, change, clock):
        rules.change(firing, change, actor=SYSTEM, now=clock())
        assert Alert.objects.get().end_reason == "rule_changed"
        assert not AlertStanding.objects.exists()

    def test_so_does_its_end(self, firing, clock):
        rules.delete(firing, actor=SYSTEM, now=clock())
        alert = Alert.objects.get()
        assert (alert.end_reason, alert.rule) == ("rule_changed", None)
