"""What people are written: in their language, their time zone, and with no more than they may know."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import translation

from alerts import letters, wording
from alerts.letters import people
from alerts.letters.writing import WRITERS
from alerts.models import Alert, AlertRule, Incident, Metric, Notification
from servers.models import Server

ROOT = Path(__file__).resolve().parent.parent.parent
Kind = Notification.Kind
HOUR = timedelta(hours=1)
CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)


@pytest.fixture
def make_alert(alice, server, clock):
    def make(on=server, **changes):
        at = clock()
        fields = {
            "metric": "cpu", "severity": "warning", "condition": "greater_than",
            "threshold": 0.9, "clear_at": 0.85, "duration": 600, "value": 0.973,
            "since": at - HOUR, "fired_at": at, "owner": alice, **changes,
        }  # fmt: skip
        return Alert.objects.create(server=on, **fields)

    return make


@pytest.fixture
def named(server):
    Server.objects.filter(pk=server.pk).update(name="web-1")
    server.refresh_from_db()
    return server


@pytest.fixture
def others(alice, server):
    """Two more servers of Alice's."""
    pks = list(Server.objects.exclude(pk=server.pk).values_list("pk", flat=True)[:2])
    for number, pk in enumerate(pks, 2):
        Server.objects.filter(pk=pk).update(name=f"web-{number}", owner=alice)
    return list(Server.objects.filter(pk__in=pks).order_by("name"))


@pytest.fixture
def incident(server, clock):
    made = Incident.objects.create(
        kind="node", cluster=server.cluster, node=server.node, name=server.node.name,
        why="The node is offline.", began_at=clock() - HOUR,
    )  # fmt: skip
    made.servers.add(server)
    return made


def compose(kind, user, alerts, clock, **more):
    return letters.compose(kind, user, alerts=alerts, now=clock(), **more)


def test_an_alert(make_alert, named, alice, clock):
    alert = make_alert(named)
    letter = compose(Kind.FIRED, alice, [alert], clock)

    assert letter.subject == "web-1: CPU above 90 % for 10 min"
    assert letter.body.split("\n\n")[0] == f"{letter.subject}."
    for line in (
        "Since: 20 Nov 2026, 11:01 (UTC)",
        "Lasts for: 1 h",
        "Value: 97.3 %",
        "Severity: warning",
    ):
        assert line in letter.body.split("\n")
    assert f"/alerts/{alert.pk}/\n" in letter.body


def test_times_are_the_persons(make_alert, named, alice, clock):
    alice.time_zone = "Asia/Tokyo"
    assert "Since: 20 Nov 2026, 20:01 (Asia/Tokyo)" in (
        compose(Kind.FIRED, alice, [make_alert(named)], clock).body
    )


def test_others_of_theirs_that_fire_for_the_same_are_named(
    make_alert, named, others, alice, bob, clock
):
    alert = make_alert(named)
    make_alert(others[0])
    make_alert(others[1], metric="memory")
    Server.objects.filter(pk=others[1].pk).update(owner=bob)
    make_alert(others[1], owner=bob)
    assert "The same on: web-2\n" in compose(Kind.FIRED, alice, [alert], clock).body


def test_several_at_once_are_one_letter(make_alert, named, others, alice, clock):
    alerts = [make_alert(each) for each in (named, *others)]
    letter = compose(Kind.FIRED, alice, alerts, clock)
    assert letter.subject == "3 alerts: web-1, web-2, web-3"
    assert letter.body.count("\n- web-") == 3

    same = [make_alert(named, metric=metric) for metric in ("memory", "disk")]
    assert compose(Kind.FIRED, alice, same, clock).subject == "web-1: 2 alerts"


def test_of_very_many_some_are_named(make_alert, named, alice, clock):
    alerts = [make_alert(named, active=None) for _ in range(70)]
    letter = compose(Kind.DIGEST, alice, alerts, clock)
    assert letter.body.count("\n- ") == 51
    assert "- and 20 more\n" in letter.body


def ended(make_alert, clock, on, **changes):
    return make_alert(
        on, active=None, ended_at=clock(), end_value=0.4,
        **{"end_reason": "recovered", **changes},
    )  # fmt: skip


def test_a_recovery_says_how_long_it_lasted(make_alert, named, alice, clock):
    letter = compose(Kind.RECOVERED, alice, [ended(make_alert, clock, named)], clock)
    assert letter.subject == "Recovered: web-1: CPU above 90 % for 10 min"
    assert "Lasted for: 1 h\n" in letter.body
    assert "Value when it ended: 40 %" in letter.body


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("void", "The server was stopped."),
        ("rule_changed", "The rule was changed."),
        ("owner_changed", "The server has another owner."),
        ("gone", "The server is gone."),
    ],
)
def test_what_is_over_otherwise_did_not_recover(make_alert, named, alice, clock, reason, words):
    alert = ended(make_alert, clock, named, end_reason=reason)
    letter = compose(Kind.RECOVERED, alice, [alert], clock)
    assert letter.subject.startswith("Over: web-1")
    assert words in letter.body
    assert "ecovered" not in letter.subject + letter.body


def test_a_reminder_and_flapping(make_alert, named, alice, clock):
    alert = make_alert(named)
    reminder = compose(Kind.REMINDER, alice, [alert], clock)
    flapping = compose(Kind.FLAPPING, alice, [alert], clock, count=5)
    assert reminder.subject == "Still: web-1: CPU above 90 % for 10 min"
    assert flapping.subject == "web-1: CPU above 90 % for 10 min, 5 times within an hour"


def test_a_fault_names_no_host_and_nobody_elses_server(
    make_alert, named, others, incident, alice, bob, clock
):
    Server.objects.filter(pk=others[0].pk).update(owner=bob, name="bobs-own")
    incident.servers.add(*others)
    alert = make_alert(named, metric="state")
    for kind in (Kind.FAULT, Kind.FAULT_OVER):
        letter = compose(kind, alice, [alert], clock, incident=incident)
        text = letter.subject + letter.body
        for secret in (incident.name, incident.cluster.name, incident.why, "bobs-own"):
            assert secret not in text
        assert "2 of your servers" in letter.subject
        assert "- web-1\n- web-3" in letter.body


def test_an_incident_tells_staff_all(named, others, incident, staff, clock):
    incident.servers.add(*others)
    letter = compose(Kind.INCIDENT, staff, [], clock, incident=incident)
    node = f"node {incident.name} of fra1"
    assert letter.subject == f"Incident: {node}, 3 servers"
    assert "What is wrong: The node is offline." in letter.body
    assert f"/admin/alerts/incident/{incident.pk}/change/" in letter.body
    incident.ended_at = clock()
    over = compose(Kind.INCIDENT_OVER, staff, [], clock, incident=incident)
    assert over.subject == f"Incident over: {node}"
    assert "Lasted for: 1 h" in over.body


def test_a_digest(make_alert, named, alice, clock):
    alert = ended(make_alert, clock, named, found_later=True)
    letter = compose(Kind.DIGEST, alice, [alert], clock, since=clock() - 5 * HOUR)
    assert letter.subject.startswith("While the panel was away: web-1: CPU above 90 %")
    assert "From 20 Nov 2026, 07:01 (UTC) to 20 Nov 2026, 12:01 (UTC)" in letter.body


def test_names_are_hostile(make_alert, server, alice, clock):
    Server.objects.filter(pk=server.pk).update(
        name="x\r\nSince: yesterday\n\nhttp://evil.example/\u202e"
    )
    server.refresh_from_db()
    alert = make_alert(server, detail="/a\n\nYour alerts: http://evil.example/", metric="disk")
    letter = compose(Kind.FIRED, alice, [alert], clock)
    assert "\n" not in letter.subject
    assert "\u202e" not in letter.subject + letter.body
    assert [line for line in letter.body.split("\n") if line.startswith("Since:")] == [
        "Since: 20 Nov 2026, 11:01 (UTC)"
    ]
    assert not [line for line in letter.body.split("\n") if line.startswith("Your alerts")]


def test_every_kind_but_notices_can_be_written():
    to_people = {Kind.INVITATION, Kind.PASSWORD}  # alerts/letters/people.py
    assert set(Kind) - set(WRITERS) == {Kind.NOTICE, Kind.TEST, *to_people}


# In Russian


ALLOWED = {
    "cpu", "web", "utc", "http", "https", "localhost", "alerts", "preferences", "panel", "fra",
    "node", "admin", "incident", "change", "example", "com", "alice", "europe", "moscow", "pve",
    "offline", "the", "is",
}  # fmt: skip


def assert_russian(letter):
    for text in (letter.subject, letter.body):
        assert CYRILLIC.search(text), text
        words = set(re.findall(r"[a-z]{2,}", text.lower()))
        assert words <= ALLOWED, (words - ALLOWED, text)


@pytest.fixture
def russian(alice):
    alice.language = "ru"
    alice.time_zone = "Europe/Moscow"
    return alice


@pytest.mark.parametrize("write", [people.of_invitation, people.of_password])
def test_letters_to_people_have_no_english_either(write, russian):
    assert_russian(write(russian))


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind in WRITERS])
@pytest.mark.parametrize("several", [False, True])
def test_no_english_is_left(kind, several, make_alert, named, others, incident, russian, clock):
    over = kind in (Kind.RECOVERED, Kind.DIGEST)
    fields = {"active": None, "ended_at": clock(), "end_reason": "recovered"} if over else {}
    alerts = [make_alert(named, **fields)]
    if several:
        alerts.append(make_alert(others[0], metric="disk", mountpoint="/", **fields))
    letter = compose(kind, russian, alerts, clock, incident=incident, count=3)
    assert_russian(letter)
    assert translation.get_language() == "en"


@pytest.mark.parametrize("metric", Metric.values)
@pytest.mark.parametrize("condition", ["greater_than", "less_than"])
def test_no_english_is_left_of_any_metric(metric, condition, make_alert, named, russian, clock):
    alert = make_alert(
        named, metric=metric, condition=condition, threshold=3.0, severity="critical"
    )
    assert_russian(compose(Kind.FIRED, russian, [alert], clock))


@pytest.mark.parametrize("reason", Alert.End.values)
def test_no_english_is_left_of_any_end(reason, make_alert, named, russian, clock):
    alert = ended(make_alert, clock, named, end_reason=reason, kind="no_data")
    assert_russian(compose(Kind.RECOVERED, russian, [alert], clock))


def test_notices_of_channels_in_russian(russian):
    assert_russian(letters.of_test(russian))
    assert_russian(letters.of_confirmation(russian))


def test_a_verdict_in_russian(make_alert, named, russian, clock):
    letter = compose(Kind.FIRED, russian, [make_alert(named)], clock)
    assert letter.subject == "web-1: CPU выше 90 % 10 мин подряд"
    assert "С: 20 ноября 2026, 14:01 (Europe/Moscow)" in letter.body
    assert "Значение: 97,3 %" in letter.body


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "1 день"), (2, "2 дня"), (5, "5 дней"), (11, "11 дней"), (21, "21 день")],
)
def test_plurals(days, words):
    with translation.override("ru"):
        assert wording.duration(days * 86400) == words


# Words


@pytest.mark.parametrize(
    ("metric", "number", "words"),
    [
        ("cpu", 0.9, "90 %"),
        ("cpu", 0.8766, "87.7 %"),
        ("network_in", 0, "0 B/s"),
        ("network_in", 1500, "1.5 kB/s"),
        ("network_in", 999, "999 B/s"),
        ("network_in", 999_960, "1 MB/s"),
        ("disk_write", 5e6, "5 MB/s"),
        ("network_out", 3e15, "3000 TB/s"),
        ("snapshot_age", 3 * 86400, "3 days"),
        ("disk_full_in", 90000, "1 day 1 h"),
        ("state", 1.0, "yes"),
        ("cpu", None, "unknown"),
    ],
)
def test_values(metric, number, words):
    assert wording.value_text(metric, number) == words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metric": "cpu", "threshold": 0.9, "duration": 600}, "CPU above 90 % for 10 min"),
        ({"metric": "cpu", "threshold": 0.05, "condition": "less_than"}, "CPU below 5 %"),
        ({"metric": "disk", "threshold": 0.9, "mountpoint": "/var"}, "Disk /var above 90 %"),
        ({"metric": "disk", "threshold": 0.9}, "Disk above 90 %"),
        ({"metric": "state", "duration": 60}, "down though nobody asked for it, for 1 min"),
        ({"metric": "snapshot_age", "threshold": 86400}, "newest snapshot older than 1 day"),
        (
            {"metric": "disk_full_in", "threshold": 7 * 86400, "condition": "less_than"},
            "Disk full in less than 7 days",
        ),
        ({"metric": "network_in", "threshold": 1e6}, "Network in above 1 MB/s"),
    ],
)
def test_conditions(fields, words):
    assert wording.condition_of(AlertRule(**fields)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (45, "45 s"), (90, "1 min 30 s"), (3600, "1 h"), (93600, "1 day 2 h"),
     (86400 + 59, "1 day"), (-5, "0 s")],
)  # fmt: skip
def test_durations(seconds, words):
    assert wording.duration(seconds) == words
