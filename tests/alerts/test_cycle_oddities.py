"""What a cycle has to survive: alerts left behind, faults that are listed twice, hostile names."""

import sys
import threading

import pytest

from alerts import episodes, housekeeping, incidents, rulebook
from alerts.judge import OK, Rule, Standing, State
from alerts.judging import Turn
from alerts.metrics import Metric, Trust
from alerts.models import Alert, AlertRule, AlertStanding, Incident
from monitoring import cycle
from monitoring.judging import file_systems
from monitoring.models import GuestDisk
from servers.models import Cluster, Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def fault():
    def make(name, kind="storage"):
        return incidents.Fault(kind, name, "It is full.", None, list)

    return make


def observe(cluster, faults, now):
    incidents.observe(cluster, faults, kinds=Incident.Kind.values, now=now)


def test_an_alert_without_standing_does_not_end_the_cycles(
    no_defaults, rule_of, owner, guest, pass_time
):
    """A rule that was changed while a cycle was storing leaves one behind, on MariaDB."""
    rule_of(owner, duration=0)
    guest.busy_cpu = 0.97
    pass_time(30)
    AlertStanding.objects.all().delete()
    pass_time(60)
    cluster = Cluster.objects.get()
    assert cluster.failure == ""
    assert Alert.objects.firing().count() == 1
    guest.busy_cpu = 0.1
    pass_time(30)
    assert not Alert.objects.firing().exists()


def test_an_alert_that_lost_its_standing_ends(
    no_defaults, rule_of, owner, guest, pass_time, clock
):
    rule_of(owner, duration=0)
    guest.busy_cpu = 0.97
    pass_time(30)
    assert housekeeping.end_left_behind(clock()) == 0
    guest.busy_cpu = 0.1
    AlertStanding.objects.all().delete()
    pass_time(30)
    assert Alert.objects.firing().exists()
    assert housekeeping.end_left_behind(clock()) == 1
    assert Alert.objects.get().end_reason == "rule_changed"


@pytest.mark.parametrize(
    "names",
    [("local", "local"), ("Local", "local"), ("x" * 200, "x" * 200), ("ä", "a"), ("a", "a ")],
)
def test_a_fault_under_one_name_begins_once_and_lasts(cluster, fault, clock, names):
    for _ in range(3):
        observe(cluster, [fault(name) for name in names], clock.pass_by(30))
    assert Incident.objects.filter(active=True).count() >= 1
    assert not Incident.objects.filter(active=None).exists()
    observe(cluster, [], clock.pass_by(30))
    assert not Incident.objects.filter(active=True).exists()


def test_a_default_rule_on_one_file_system_gets_its_values(server, clock):
    rulebook.book()
    now = clock()
    AlertRule.objects.create(
        metric="disk", mountpoint="/var", threshold=0.9, created_at=now, updated_at=now
    )
    rulebook.changed()
    GuestDisk.objects.update_or_create(
        server=server,
        defaults={"file_systems": [{"mountpoint": "/var", "used": 95, "total": 100}]},
    )
    assert file_systems(server.cluster)[server.pk] == {"/var": 0.95}


@pytest.fixture
def hasty():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_chosen_by_several_threads_each_rule_is_about_its_own_metric(hasty):
    """A worker polls its clusters in threads, and they share the book."""
    for _ in range(30):
        book = rulebook.Book(1)
        rules = [
            Rule(n, Metric.DISK, 0.9, 0.9, 0, 90, mountpoint=f"/{n}", trust=Trust.ANY)
            for n in range(400)
        ]
        barrier = threading.Barrier(4)

        def choose(own, book=book, barrier=barrier):
            barrier.wait()
            for rule in own:
                book.index(rule)

        threads = [threading.Thread(target=choose, args=(rules[n::4],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for rule in rules:
            assert book.abouts[book.index(rule)] == (rule.metric, rule.trust, rule.mountpoint)


def test_what_could_not_be_stored_was_not_seen(
    no_defaults, rule_of, owner, guest, pass_time, clock, monkeypatch, polled
):
    """While cycles fail to be stored nothing is judged, and nothing held."""
    rule_of(owner, duration=300)
    guest.busy_cpu = 0.97
    pass_time(60)
    assert AlertStanding.objects.get().state == "pending"
    with monkeypatch.context() as patched:
        patched.setattr(cycle, "apply", lambda *_, **__: int("x"))
        for _ in range(20):
            clock.pass_by(30)
            with pytest.raises(ValueError, match="invalid literal"):
                cycle.poll(polled.pk, clock=clock)
    pass_time(60)
    assert not Alert.objects.exists()


def test_many_that_recover_take_few_queries(
    no_defaults, world, polled, clock, pass_cycle, django_assert_max_num_queries
):
    now = clock()
    rule = AlertRule.objects.create(metric="cpu", threshold=0.9, created_at=now, updated_at=now)
    shape = rulebook.rule_of(rule)
    firing = Standing(State.FIRING, int(now.timestamp()))
    ids = list(Server.objects.values_list("pk", flat=True))
    begin = [Turn(pk, None, rule.pk, shape, OK, firing, 0.95) for pk in ids]
    episodes.apply(begin, now=now)
    assert Alert.objects.firing().count() == len(ids) > 8
    end = [Turn(pk, None, rule.pk, shape, firing, OK, 0.1 + n / 100) for n, pk in enumerate(ids)]
    with django_assert_max_num_queries(8):
        episodes.apply(end, now=now)
    assert sorted(Alert.objects.values_list("end_value", flat=True)) == [
        0.1 + n / 100 for n in range(len(ids))
    ]
    assert set(Alert.objects.values_list("end_reason", flat=True)) == {"recovered"}
