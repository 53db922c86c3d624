"""alerts/, alert-rules/, alert-mutes/, alert-preferences/: over the API, as its contract says."""

import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from alerts import rules
from alerts.models import Alert, AlertRule, Mute
from monitoring import samples
from servers import ownership
from servers.models import Server
from tests.conftest import PASSWORDS, Clock

pytestmark = pytest.mark.django_db
KEY = {"HTTP_IDEMPOTENCY_KEY": "one"}
CPU = {"metric": "cpu", "threshold": 0.8, "clear_at": 0.7, "duration": 300}


@pytest.fixture
def clock():
    """The API goes by the real time, so cycles begin with it."""
    return Clock(time.time())


@pytest.fixture
def as_person(api_of, committed):
    def make(person):
        client = api_of(person)

        def run(method, path, body=None, **headers):
            with committed():
                return getattr(client, method)(f"/api/v1/{path}", body, **headers)

        return run

    return make


@pytest.fixture
def call(as_person, alice, server):
    return as_person(alice)


@pytest.fixture
def by_staff(as_person, staff, server):
    return as_person(staff)


@pytest.fixture
def rule(call):
    answer = call("post", "alert-rules/", CPU)
    assert answer.status_code == 201, answer.content
    return answer.json()


@pytest.fixture
def others_server(server, bob, clock):
    other = Server.objects.exclude(pk=server.pk).first()
    ownership.assign([other], bob, actor=rules.Actor(None, "system"), now=clock())
    return other


@pytest.fixture
def alert_of(server, alice, clock):
    def make(**fields):
        at = clock()
        given = {
            "server": server, "owner": alice, "metric": "cpu", "severity": "warning",
            "condition": "greater_than", "threshold": 0.9, "since": at, "fired_at": at, **fields,
        }  # fmt: skip
        return Alert.objects.create(**given)

    return make


def default(metric="cpu"):
    return AlertRule.objects.defaults().get(metric=metric)


def error_of(answer, status):
    assert answer.status_code == status, answer.content
    return answer.json()["error"]


class TestRules:
    def test_from_making_to_deleting(self, call, rule, server):
        assert rule["scope"] == {"all": True}
        assert (rule["default"], rule["owner"]) == (False, "alice@example.com")
        assert "above 80" in rule["text"]
        one = f"alert-rules/{rule['id']}/"
        assert call("get", one).json() == rule
        changed = call("patch", one, {"threshold": 0.95, "scope": {"server": server.pk}}).json()
        assert (changed["threshold"], changed["clear_at"]) == (0.95, 0.7)
        assert changed["scope"] == {"server": server.pk}
        assert call("delete", one).status_code == 204
        assert call("get", one).status_code == 404

    def test_defaults_come_first(self, call, rule):
        listed = call("get", "alert-rules/").json()["results"]
        assert [each["default"] for each in listed] == [True] * (len(listed) - 1) + [False]

    def test_a_rule_in_place_of_a_default_has_its_terms(self, call, server):
        wish = {"replaces": default().pk, "threshold": 0.5, "clear_at": None}
        made = call("post", "alert-rules/", {**wish, "scope": {"label": "env=prod"}}).json()
        assert (made["metric"], made["duration"]) == ("cpu", default().duration)
        assert (made["scope"], made["replaces"]) == ({"label": "env=prod"}, default().pk)

    def test_the_same_key_makes_one(self, call):
        first = call("post", "alert-rules/", CPU, **KEY)
        second = call("post", "alert-rules/", CPU, **KEY)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert AlertRule.objects.filter(owner__isnull=False).count() == 1

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "metric"),
            ({"metric": "mood"}, "metric"),
            ({"metric": "cpu"}, "threshold"),
            ({**CPU, "threshold": 90}, "threshold"),
            ({**CPU, "threshold": "nan"}, "threshold"),
            ({**CPU, "threshold": -1}, "threshold"),
            ({**CPU, "clear_at": 0.9}, "clear_at"),
            ({**CPU, "duration": -1}, "duration"),
            ({**CPU, "duration": 10**12}, "duration"),
            ({**CPU, "mountpoint": "/var"}, "mountpoint"),
            ({**CPU, "mountpoint": "a\u0000b"}, "mountpoint"),
            ({**CPU, "trust": "guest"}, "trust"),
            ({**CPU, "severity": "horrible"}, "severity"),
            ({**CPU, "remind_every": 1}, "remind_every"),
            ({**CPU, "scope": {}}, "scope"),
            ({**CPU, "scope": {"all": False}}, "scope"),
            ({**CPU, "scope": {"all": True, "label": "env"}}, "scope"),
            ({**CPU, "scope": {"server": 999999}}, "scope"),
            ({**CPU, "scope": {"label": "a=b=<>"}}, "label"),
            ({**CPU, "scope": "all"}, "scope"),
            ({**CPU, "channels": [999999]}, "channels"),
            ({**CPU, "replaces": 999999}, "replaces"),
            ({"metric": "state", "threshold": 1}, "threshold"),
        ],
    )
    def test_bad_input(self, body, field, call, server):
        error = error_of(call("post", "alert-rules/", body), 400)
        assert list(error["fields"]) == [field]
        assert not AlertRule.objects.filter(owner__isnull=False).exists()

    def test_a_server_of_somebody_else_is_like_none(self, call, others_server):
        theirs, nobodys = (
            error_of(call("post", "alert-rules/", {**CPU, "scope": {"server": pk}}), 400)
            for pk in (others_server.pk, 999999)
        )
        assert theirs == nobodys

    def test_defaults_are_for_staff_to_change(self, call, by_staff):
        one = f"alert-rules/{default().pk}/"
        error = error_of(call("patch", one, {"threshold": 0.5, "clear_at": 0.5}), 403)
        assert "replaces" in error["message"]
        assert call("delete", one).status_code == 403
        assert call("post", "alert-rules/", {**CPU, "default": True}).status_code == 403
        assert by_staff("patch", one, {"threshold": 0.5, "clear_at": 0.5}).status_code == 200
        made = by_staff("post", "alert-rules/", {**CPU, "default": True}).json()
        assert (made["default"], made["owner"]) == (True, None)

    def test_those_of_others_are_like_none(self, rule, as_person, bob):
        other = as_person(bob)
        one = f"alert-rules/{rule['id']}/"
        for method, body in (("get", None), ("patch", {"enabled": False}), ("delete", None)):
            assert other(method, one, body).status_code == 404
        ids = {each["id"] for each in other("get", "alert-rules/").json()["results"]}
        assert rule["id"] not in ids
        assert AlertRule.objects.get(pk=rule["id"]).enabled

    def test_staff_without_the_right_change_nobodys(self, rule, as_person):
        person = User.objects.create_user("watch@example.com", "correct horse", is_staff=True)
        PASSWORDS[person.email] = "correct horse"
        watching = as_person(person)
        one = f"alert-rules/{rule['id']}/"
        assert watching("get", one).status_code == 200
        assert watching("patch", one, {"enabled": False}).status_code == 403
        assert watching("delete", one).status_code == 403

    def test_filters(self, call, rule, server, others_server):
        def ids(query):
            return {each["id"] for each in call("get", f"alert-rules/?{query}").json()["results"]}

        assert rule["id"] in ids(f"server={server.pk}")
        assert ids("default=false") == {rule["id"]}
        assert rule["id"] not in ids("default=true")
        assert ids("metric=cpu") == {rule["id"], default().pk}
        assert call("get", f"alert-rules/?server={others_server.pk}").status_code == 404

    def test_another_metric_ends_what_fires_by_it(self, call, rule, alert_of):
        alert = alert_of(rule_id=rule["id"])
        call("patch", f"alert-rules/{rule['id']}/", {"metric": "memory"})
        alert.refresh_from_db()
        assert alert.end_reason == "rule_changed"


class TestRulesOfAServer:
    def test_where_they_stand(self, call, rule, server, alert_of):
        alert = alert_of(rule_id=rule["id"])
        since = int(time.time())
        AlertRule.objects.get(pk=rule["id"]).standings.create(
            server=server, owner_id=server.owner_id, state="firing", since=since
        )
        listed = {
            each["id"]: each for each in call("get", f"servers/{server.pk}/alert-rules/").json()
        }
        mine = listed[rule["id"]]
        assert (mine["state"], mine["alert"]) == ("firing", alert.pk)
        assert datetime.fromisoformat(mine["since"]).timestamp() == since
        well = listed[default("memory").pk]
        assert (well["state"], well["since"], well["alert"]) == ("ok", None, None)

    def test_what_is_replaced_is_not_among_them(self, call, server):
        call("post", "alert-rules/", {"replaces": default().pk, "enabled": False})
        ids = {each["id"] for each in call("get", f"servers/{server.pk}/alert-rules/").json()}
        assert default().pk not in ids

    def test_why_it_does_not_fire(self, call, rule, server):
        answer = call("get", f"alert-rules/{rule['id']}/explanation/?server={server.pk}").json()
        assert (answer["code"], answer["applies"]) == ("well", True)
        assert answer["standing"] == {"state": "ok", "since": None}
        assert answer["facts"][0]["data"]["threshold"] == 0.8
        assert answer["telling"] == []

    @pytest.mark.parametrize(("query", "status"), [("", 400), ("?server=x", 400),
                                                   ("?server=999999", 404)])  # fmt: skip
    def test_it_asks_about_one_server(self, query, status, call, rule):
        answer = call("get", f"alert-rules/{rule['id']}/explanation/{query}")
        assert answer.status_code == status

    def test_not_about_a_server_of_somebody_else(self, call, rule, others_server):
        path = f"alert-rules/{rule['id']}/explanation/?server={others_server.pk}"
        assert call("get", path).status_code == 404


class TestPreview:
    @pytest.fixture
    def past(self, server):
        """An hour of samples, of which ten minutes are above 80 %."""
        now = int(time.time())
        start = now - 7200
        samples.insert(
            "monitoring_sample",
            "server_id, taken_at, cpu",
            [
                f"({server.pk},{start + at * 30},{0.95 if 40 <= at < 60 else 0.1})"
                for at in range(120)
            ],
            "",
        )
        return start

    def test_where_it_would_have_fired(self, call, past, server):
        answer = call("post", "alert-rules/preview/", {**CPU, "server": server.pk}).json()
        assert answer["available"]
        [episode] = answer["episodes"]
        assert datetime.fromisoformat(episode["since"]).timestamp() == past + 40 * 30
        assert datetime.fromisoformat(episode["fired_at"]).timestamp() == past + 50 * 30
        assert episode["end_reason"] == "recovered"
        assert [each["kind"] for each in answer["messages"]] == ["fired", "recovered"]
        assert (answer["episode_count"], answer["message_count"]) == (1, 2)
        assert 150 < len(answer["series"]) < 400
        assert not AlertRule.objects.filter(owner__isnull=False).exists()

    def test_of_a_rule_that_is_edited(self, call, past, rule, server):
        wish = {"rule": rule["id"], "server": server.pk, "threshold": 0.99, "clear_at": 0.99}
        assert call("post", "alert-rules/preview/", wish).json()["episodes"] == []
        assert AlertRule.objects.get(pk=rule["id"]).threshold == 0.8

    def test_what_cannot_be_tried_says_so(self, call, server):
        answer = call("post", "alert-rules/preview/", {"metric": "state", "server": server.pk})
        assert (answer.status_code, answer.json()["available"]) == (200, False)
        assert answer.json()["why"]

    @pytest.mark.parametrize(
        ("wish", "field"),
        [
            ({"threshold": 9}, "threshold"),
            ({"start": "2020-01-01T00:00:00Z"}, "start"),
            ({"start": "2999-01-01T00:00:00Z"}, "start"),
            ({"server": "x"}, "server"),
        ],
    )
    def test_bad_input(self, wish, field, call, server):
        body = {**CPU, "clear_at": None, "server": server.pk, **wish}
        assert list(error_of(call("post", "alert-rules/preview/", body), 400)["fields"]) == [field]

    def test_not_on_a_server_of_somebody_else(self, call, others_server):
        body = {**CPU, "server": others_server.pk}
        assert call("post", "alert-rules/preview/", body).status_code == 404

    def test_not_of_a_rule_of_somebody_else(self, rule, as_person, bob, others_server):
        body = {"rule": rule["id"], "server": others_server.pk}
        assert as_person(bob)("post", "alert-rules/preview/", body).status_code == 404


class TestAlerts:
    def test_one(self, call, alert_of):
        alert = alert_of()
        one = call("get", f"alerts/{alert.pk}/").json()
        assert (one["state"], one["metric"], one["ended_at"]) == ("firing", "cpu", None)
        [listed] = call("get", "alerts/").json()["results"]
        assert listed == one

    def test_the_newest_first(self, call, alert_of, clock):
        older = alert_of(fired_at=clock() - timedelta(hours=1))
        newer = alert_of()
        ids = [each["id"] for each in call("get", "alerts/").json()["results"]]
        assert ids == [newer.pk, older.pk]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("state=firing", {"lasts", "seen"}),
            ("state=ended", {"over"}),
            ("severity=critical", {"over"}),
            ("severity=critical&severity=warning", {"lasts", "over", "seen"}),
            ("metric=memory", {"over"}),
            ("acknowledged=true", {"seen"}),
            ("acknowledged=false", {"lasts", "over"}),
            ("until=2020-01-01T00:00:00Z", set()),
        ],
    )
    def test_filters(self, query, found, call, alert_of, clock):
        made = {
            "lasts": alert_of(),
            "over": alert_of(active=None, ended_at=clock(), severity="critical", metric="memory"),
            "seen": alert_of(acknowledged_at=clock()),
        }
        ids = {each["id"] for each in call("get", f"alerts/?{query}").json()["results"]}
        assert ids == {made[name].pk for name in found}

    @pytest.mark.parametrize(
        "query", ["state=perhaps", "severity=x", "server=x", "since=x", "since=0001-01-01T00:00Z"]
    )
    def test_a_filter_that_makes_no_sense(self, query, call):
        assert call("get", f"alerts/?{query}").status_code == 400

    def test_acknowledging_and_taking_it_back(self, call, alert_of):
        path = f"alerts/{alert_of().pk}/acknowledge/"
        first = call("post", path, {}, **KEY).json()
        assert first["acknowledged_at"]
        assert call("post", path, {}).json() == first
        assert call("delete", path).json()["acknowledged_at"] is None

    def test_staff_without_the_right_to_it_acknowledge_nothing(self, as_person, bob, alert_of):
        User.objects.filter(pk=bob.pk).update(is_staff=True)
        alert = alert_of()
        helper = as_person(User.objects.get(pk=bob.pk))
        assert helper("get", f"alerts/{alert.pk}/").status_code == 200
        for method in ("post", "delete"):
            assert helper(method, f"alerts/{alert.pk}/acknowledge/").status_code == 403
        alert.refresh_from_db()
        assert alert.acknowledged_at is None

    def test_what_is_over_cannot_be_acknowledged(self, call, alert_of, clock):
        path = f"alerts/{alert_of(active=None, ended_at=clock()).pk}/acknowledge/"
        assert error_of(call("post", path, {}), 422)["code"] == "over"
        assert error_of(call("delete", path), 422)["code"] == "over"

    def test_those_of_others_are_like_none(self, alert_of, as_person, bob):
        alert, other = alert_of(), as_person(bob)
        for method, path in (
            ("get", ""), ("post", "acknowledge/"), ("delete", "acknowledge/"),
            ("get", "explanation/"),
        ):  # fmt: skip
            assert other(method, f"alerts/{alert.pk}/{path}").status_code == 404
        assert other("get", "alerts/").json()["count"] == 0
        alert.refresh_from_db()
        assert alert.acknowledged_at is None

    def test_the_explanation(self, call, alert_of, clock):
        alert = alert_of()
        alert.events.create(
            at=clock(), kind="held", reason="cooldown", until=clock() + timedelta(hours=1)
        )
        Alert.objects.filter(pk=alert.pk).update(tell_at=clock() + timedelta(hours=1))
        answer = call("get", f"alerts/{alert.pk}/explanation/").json()
        assert answer["alert"] == alert.pk
        assert [each["code"] for each in answer["timeline"]] == ["began", "held"]
        assert answer["timeline"][1]["data"] == {"reason": "cooldown"}
        assert answer["next"]["code"] == "cooldown"
        assert answer["next"]["until"]
        assert answer["deliveries"] == []


class TestMutes:
    def test_from_muting_to_taking_it_back(self, call, server, rule):
        until = "2999-01-01T00:00:00Z"
        body = {"rule": rule["id"], "server": server.pk, "until": until}
        made = call("post", "alert-mutes/", body)
        assert made.status_code == 201, made.content
        [listed] = call("get", "alert-mutes/").json()["results"]
        assert (listed["rule"], listed["server"]) == (rule["id"], server.pk)
        assert call("delete", f"alert-mutes/{listed['id']}/").status_code == 204
        assert not Mute.objects.exists()

    def test_everything_until_it_is_taken_back(self, call):
        made = call("post", "alert-mutes/", {}).json()
        assert (made["rule"], made["server"], made["until"]) == (None, None, None)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"until": "2001-01-01T00:00:00Z"}, "until"),
            ({"until": "9999-12-31T23:59:59-14:00"}, "until"),
            ({"server": 999999}, "server"),
            ({"rule": 999999}, "rule"),
        ],
    )
    def test_bad_input(self, body, field, call):
        assert list(error_of(call("post", "alert-mutes/", body), 400)["fields"]) == [field]

    def test_a_rule_of_somebody_else_is_like_none(self, rule, as_person, bob):
        other = as_person(bob)
        theirs, nobodys = (
            error_of(other("post", "alert-mutes/", {"rule": pk}), 400)
            for pk in (rule["id"], 999999)
        )
        assert theirs == nobodys

    def test_what_is_over_is_not_listed(self, call, alice, clock):
        Mute.objects.create(owner=alice, until=clock() - timedelta(hours=1), created_at=clock())
        assert call("get", "alert-mutes/").json()["count"] == 0


class TestPreferences:
    def test_reading_and_changing(self, call):
        before = call("get", "alert-preferences/").json()
        assert (before["quiet_from"], before["language"]) == (None, "en")
        wish = {"quiet_from": "22:00", "quiet_until": "07:30:59", "time_zone": "Europe/Berlin"}
        after = call("patch", "alert-preferences/", wish).json()
        assert (after["quiet_from"], after["quiet_until"]) == ("22:00:00", "07:30:00")
        assert call("get", "alert-preferences/").json() == after

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"quiet_from": "25:00"}, "quiet_from"),
            ({"quiet_from": "22:00"}, "quiet_until"),
            ({"time_zone": "Mars"}, "time_zone"),
            ({"language": "xx"}, "language"),
            ({"incidents": False}, "incidents"),
        ],
    )
    def test_bad_input(self, body, field, call):
        error = error_of(call("patch", "alert-preferences/", body), 400)
        assert list(error["fields"]) == [field]


class TestHowManyQueries:
    def queries(self, call, path):
        call("get", path)
        with CaptureQueriesContext(connection) as found:
            assert call("get", path).status_code == 200
        return len(found)

    def test_lists_take_as_many_for_one_as_for_many(self, call, rule, alert_of, server, clock):
        paths = ["alert-rules/", "alerts/", "alert-mutes/", f"servers/{server.pk}/alert-rules/"]
        alert_of()
        before = [self.queries(call, path) for path in paths]
        for number in range(8):
            call("post", "alert-rules/", {**CPU, "threshold": 0.8 + number / 100})
            alert_of(active=None)
        assert [self.queries(call, path) for path in paths] == before
        assert max(before) <= 12
