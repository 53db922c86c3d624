"""The rules of a person: read as sentences, made and changed in the units of people, tried first."""

from datetime import UTC, datetime

import pytest

from accounts.audit import SYSTEM
from alerts import destinations, rulebook, rules
from alerts.models import AlertRule
from alerts.views import trying
from monitoring import samples
from monitoring.readings import Measured
from servers import labels
from tests.pages.reading import text_of

FETCHED = {"HTTP_X_REQUESTED_WITH": "fetch"}
WISH = {
    "scope": "all", "metric": "cpu", "condition": "greater_than", "threshold": "80",
    "duration": "10", "clear_at": "70", "severity": "critical", "trust": "any",
    "tell_recovery": "on",
}  # fmt: skip


@pytest.fixture
def site(browser_of, alice):
    return browser_of(alice)


@pytest.fixture
def default(db):
    rulebook.revision_now()
    return AlertRule.objects.defaults().get(metric="cpu")


@pytest.fixture
def make_rule(alice, clock):
    def make(**wish):
        replaces = wish.pop("replaces", None)
        given = {} if replaces else {"metric": "memory", "threshold": 0.8}
        return rules.create(alice, {**given, **wish}, replaces=replaces, actor=SYSTEM, now=clock())

    return make


class TestList:
    def test_defaults_come_first_and_say_that_they_apply(self, site):
        text = text_of(site.get("/alerts/rules/"))
        assert "CPU above 90 % for 10 min on all servers: warning, recovers at 85 %." in text
        assert "Default, applies to all your servers" in text
        assert text.index("Defaults") < text.index("Your own")
        assert "None yet. A rule of your own watches one server" in text

    def test_what_stands_instead_of_a_default_stands_below_it(
        self, site, default, make_rule, alice, make_server
    ):
        make_rule(replaces=default, threshold=0.95, server=make_server(alice, "web1"))
        text = text_of(site.get("/alerts/rules/"))
        assert "Default, on all your servers but where it is replaced" in text
        assert "Instead of it: CPU above 95 % for 10 min on web1: warning" in text
        make_rule(replaces=default, threshold=0.97)
        assert "Default, replaced on all your servers" in text_of(site.get("/alerts/rules/"))

    def test_a_sentence_says_where_it_is_told_and_what_is_unusual(
        self, site, alice, make_rule, clock
    ):
        mine = destinations.own_mail(alice, clock())
        rule = make_rule(
            label="env=prod", remind_every=6 * 3600, no_data=True, tell_recovery=False
        )
        rule.channels.add(mine)
        assert (
            "Memory above 80 % on your servers with the label env=prod: warning, told on "
            "alice@example.com, with a reminder every 6 h, no word of the recovery, also when "
            "nothing is measured any more."
        ) in text_of(site.get("/alerts/rules/"))

    def test_rules_of_others_are_not_there(self, browser_of, bob, make_rule):
        make_rule(label="alices-own")
        assert "alices-own" not in text_of(browser_of(bob).get("/alerts/rules/"))

    def test_it_costs_the_same_for_many(
        self, site, make_rule, alice, make_server, django_assert_num_queries
    ):
        make_rule()
        site.get("/alerts/rules/")
        with django_assert_num_queries(10):
            site.get("/alerts/rules/")
        for number in range(10):
            make_rule(server=make_server(alice, f"web{number}"))
        with django_assert_num_queries(10):
            site.get("/alerts/rules/")


class TestSwitch:
    def test_of_ones_own(self, site, make_rule):
        rule = make_rule()
        site.post(f"/alerts/rules/{rule.pk}/switch/")
        rule.refresh_from_db()
        assert not rule.enabled
        site.post(f"/alerts/rules/{rule.pk}/switch/", {"on": "1"})
        rule.refresh_from_db()
        assert rule.enabled

    def test_a_default_is_switched_off_for_ones_own_servers_alone(
        self, site, default, alice, bob, make_server
    ):
        server, other = make_server(alice), make_server(bob)
        site.post(f"/alerts/rules/{default.pk}/switch/")
        default.refresh_from_db()
        assert default.enabled
        assert "cpu" not in {rule.metric for rule in rules.applying_to(server)}
        assert "cpu" in {rule.metric for rule in rules.applying_to(other)}
        assert "Instead of it: Nothing on all your servers." in text_of(site.get("/alerts/rules/"))

    def test_twice_it_is_one_rule(self, site, default):
        for _ in range(2):
            site.post(f"/alerts/rules/{default.pk}/switch/")
        assert AlertRule.objects.filter(replaces=default).count() == 1

    def test_somebody_elses_is_not_there(self, browser_of, bob, make_rule):
        rule = make_rule()
        assert browser_of(bob).post(f"/alerts/rules/{rule.pk}/switch/").status_code == 404

    def test_staff_without_the_right_switch_nothing_of_others(self, browser_of, bob, make_rule):
        bob.is_staff = True
        bob.save()
        rule = make_rule()
        assert browser_of(bob).post(f"/alerts/rules/{rule.pk}/switch/").status_code == 403
        assert browser_of(bob).post(f"/alerts/rules/{rule.pk}/", WISH).status_code == 403


class TestForm:
    def test_a_rule_is_made_in_the_units_of_people(self, site, alice):
        answer = site.post("/alerts/rules/new/", WISH)
        assert answer.status_code == 303, text_of(answer)
        rule = AlertRule.objects.get(owner=alice)
        assert (rule.threshold, rule.clear_at, rule.duration) == (0.8, 0.7, 600)
        assert (rule.severity, rule.tell_recovery, rule.no_data) == ("critical", True, False)

    @pytest.mark.parametrize(
        ("metric", "entered", "stored"),
        [
            ("network_out", "1.5", 1.5e6),
            ("snapshot_age", "2", 2 * 86400),
            ("disk_full_in", "7", 7 * 86400),
            ("memory", "7", 0.07),
        ],
    )
    def test_each_metric_has_its_unit(self, metric, entered, stored, site, alice):
        wish = {**WISH, "metric": metric, "threshold": entered, "clear_at": ""}
        site.post("/alerts/rules/new/", wish)
        rule = AlertRule.objects.get(owner=alice)
        assert rule.threshold == stored
        shown = site.get(f"/alerts/rules/{rule.pk}/").context["form"]
        assert shown.initial["threshold"] == entered

    @pytest.mark.parametrize(
        ("metric", "stored"),
        [("network_in", 12_345_678_901.0), ("snapshot_age", 3600.0), ("cpu", 0.123456789)],
    )
    def test_what_is_shown_is_what_is_stored(self, metric, stored, site, make_rule):
        rule = make_rule(metric=metric, threshold=stored, clear_at=None, duration=0)
        shown = site.get(f"/alerts/rules/{rule.pk}/").context["form"].initial
        wish = {**WISH, **{name: shown[name] for name in ("metric", "threshold", "clear_at")}}
        assert site.post(f"/alerts/rules/{rule.pk}/", wish).status_code == 303
        rule.refresh_from_db()
        assert rule.threshold == stored

    def test_values_that_are_not_measured_are_not_old(self, site, alice):
        wish = {**WISH, "metric": "state", "trust": "fresh"}
        assert site.post("/alerts/rules/new/", wish).status_code == 303
        assert AlertRule.objects.get(owner=alice).trust == "any"

    def test_what_a_metric_has_no_use_for_is_left_out(self, site, alice):
        wish = {**WISH, "metric": "state", "trust": "guest", "no_data": "on", "mountpoint": "/x"}
        assert site.post("/alerts/rules/new/", wish).status_code == 303
        rule = AlertRule.objects.get(owner=alice)
        assert (rule.threshold, rule.trust, rule.no_data, rule.mountpoint) == (
            None, "any", False, "",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"threshold": ""}, "Enter a threshold."),
            ({"threshold": "101"}, "It must be from 0 to 100 %."),
            ({"threshold": "-1"}, "It must be from 0 to 100 %."),
            ({"threshold": "nan"}, "Enter a number."),
            ({"clear_at": "90"}, "It recovers at the threshold or below."),
            ({"duration": "99999"}, "less than or equal to 10080"),
            ({"scope": "label"}, "Enter the label."),
            ({"scope": "label", "label": "!"}, "cannot be a key"),
            ({"scope": "server"}, "Choose the server."),
            ({"metric": "moon"}, "Select a valid choice."),
            ({"remind_every": "7"}, "Select a valid choice."),
        ],
    )
    def test_what_is_not_right_is_said_at_its_field_and_nothing_is_lost(
        self, changes, words, site, alice
    ):
        answer = site.post("/alerts/rules/new/", {**WISH, "mountpoint": "/keep", **changes})
        assert answer.status_code == 400
        assert words in text_of(answer)
        assert 'value="/keep"' in answer.content.decode()
        assert 'aria-invalid="true"' in answer.content.decode()
        assert not AlertRule.objects.filter(owner=alice).exists()

    def test_for_one_server_and_one_channel(self, site, alice, make_server, clock):
        server, channel = make_server(alice), destinations.own_mail(alice, clock())
        wish = {**WISH, "scope": "server", "server": server.pk, "channels": [channel.pk]}
        site.post("/alerts/rules/new/", wish)
        rule = AlertRule.objects.get(owner=alice)
        assert (rule.server, list(rule.channels.all())) == (server, [channel])

    def test_nobody_elses_server_or_channel(self, site, alice, bob, make_server, clock):
        theirs = make_server(bob)
        wish = {**WISH, "scope": "server", "server": theirs.pk}
        assert site.post("/alerts/rules/new/", wish).status_code == 400
        channel = destinations.own_mail(bob, clock())
        wish = {**WISH, "channels": [channel.pk]}
        assert site.post("/alerts/rules/new/", wish).status_code == 400
        assert not AlertRule.objects.filter(owner=alice).exists()
        assert theirs.name not in site.get("/alerts/rules/new/").context["servers"]

    def test_what_is_changed_stays_what_it_was_otherwise(self, site, make_rule):
        rule = make_rule(remind_every=7200, duration=90, even_intended=True)
        page = site.get(f"/alerts/rules/{rule.pk}/")
        initial = page.context["form"].initial
        assert (initial["duration"], initial["remind_every"]) == ("1.5", 7200)
        assert "every 2 h" in text_of(page)
        wish = {**WISH, "metric": "memory", "remind_every": "7200"}
        assert site.post(f"/alerts/rules/{rule.pk}/", wish).status_code == 303
        rule.refresh_from_db()
        assert (rule.threshold, rule.remind_every, rule.even_intended) == (0.8, 7200, False)

    def test_from_a_servers_page(self, site, alice, make_server):
        server = make_server(alice)
        initial = site.get(f"/alerts/rules/new/?server={server.pk}").context["form"].initial
        assert (initial["scope"], initial["server"]) == ("server", server)

    def test_instead_of_a_default(self, site, alice, default):
        page = site.get(f"/alerts/rules/new/?replaces={default.pk}")
        assert "It counts instead of the default: CPU above 90 %" in text_of(page)
        assert page.context["form"].initial["threshold"] == "90"
        wish = {**WISH, "replaces": default.pk}
        assert site.post(f"/alerts/rules/new/?replaces={default.pk}", wish).status_code == 303
        assert AlertRule.objects.get(owner=alice).replaces == default
        twin = site.post("/alerts/rules/new/", wish)
        assert "You have a rule instead of this one already: change that." in text_of(twin)

    def test_instead_of_one_with_other_reminders_than_can_be_chosen(
        self, site, alice, default, clock
    ):
        rules.change(default, {"remind_every": 5400}, actor=SYSTEM, now=clock())
        form = site.get(f"/alerts/rules/new/?replaces={default.pk}").context["form"]
        assert form.initial["remind_every"] == 5400
        assert 5400 in dict(form.fields["remind_every"].choices)
        wish = {**WISH, "replaces": default.pk, "remind_every": "5400"}
        assert site.post("/alerts/rules/new/", wish).status_code == 303

    def test_a_customer_who_opens_a_default_is_led_to_ones_own(self, site, default):
        answer = site.get(f"/alerts/rules/{default.pk}/", follow=True)
        assert answer.redirect_chain == [(f"../new/?replaces={default.pk}", 302)]
        assert answer.status_code == 200
        assert site.post(f"/alerts/rules/{default.pk}/", WISH).status_code == 403

    def test_staff_change_the_default_itself(self, browser_of, staff, default):
        client = browser_of(staff)
        page = client.get(f"/alerts/rules/{default.pk}/")
        assert "It applies to every server of every customer" in text_of(page)
        assert "scope" not in page.context["form"].fields
        assert client.post(f"/alerts/rules/{default.pk}/", WISH).status_code == 303
        default.refresh_from_db()
        assert (default.threshold, default.owner) == (0.8, None)

    def test_a_copy(self, site, make_rule):
        rule = make_rule(label="env=prod")
        initial = site.get(f"/alerts/rules/new/?copy={rule.pk}").context["form"].initial
        assert (initial["scope"], initial["label"]) == ("label", "env=prod")

    @pytest.mark.parametrize("query", ["copy=999999", "replaces=999999", "copy=x", "server=²"])
    def test_what_is_not_there_is_told_or_left_out(self, query, site):
        assert site.get(f"/alerts/rules/new/?{query}").status_code in (200, 404)

    def test_deleting_asks_first(self, site, make_rule):
        rule = make_rule()
        assert "Delete this rule?" in text_of(site.get(f"/alerts/rules/{rule.pk}/delete/"))
        site.post(f"/alerts/rules/{rule.pk}/delete/")
        assert not AlertRule.objects.filter(pk=rule.pk).exists()


def measure(server, values, *, every=30):
    """Samples up to now; None leaves one out."""
    now = int(datetime.now(UTC).timestamp())
    for place, cpu in enumerate(reversed(values)):
        if cpu is not None:
            measured = Measured(
                cpu, None, None, None, None, 0.0, 0.0, 0.0, 0.0, None, "host", "host"
            )
            samples.store({server.pk: measured}, taken_at=now - place * every)


class TestTrying:
    @pytest.fixture
    def tried(self, site, alice, make_server):
        server = make_server(alice, "web1")
        measure(server, [0.1] * 10 + [0.95] * 30 + [0.1] * 10)

        def run(**changes):
            wish = {**WISH, "clear_at": "", "trial": server.pk, "try": "1", **changes}
            return site.post("/alerts/rules/new/", wish, **FETCHED)

        return run

    def test_says_where_it_would_have_fired_and_how_many_messages(self, tried):
        answer = tried()
        text = text_of(answer)
        assert "It would have fired once , with 2 messages in all." in text
        assert "up to 95 %" in text
        assert "– alert" in text
        assert "– recovery" in text
        assert "<html" not in answer.content.decode()
        chart = answer.context["trial"].chart
        assert chart["threshold"] == 0.8
        assert [len(span) for span in chart["spans"]] == [3]
        assert len(chart["told"]) == 2

    def test_of_much_the_latest_is_listed_and_the_rest_counted(self, tried, monkeypatch):
        asked = []
        said_of = trying.said_of
        monkeypatch.setattr(
            trying, "said_of", lambda *about: asked.append(about) or said_of(*about)
        )
        trial = tried(threshold="5", duration="0", condition="greater_than").context["trial"]
        assert (len(trial.lines), trial.more) == (1, 0)
        monkeypatch.setattr(trying, "MOST_LISTED", 0)
        trial = tried(threshold="5", duration="0").context["trial"]
        assert (len(trial.lines), trial.more) == (0, 1)
        assert len(asked) == 1

    def test_that_it_would_not(self, tried):
        assert "It would not have fired" in text_of(tried(threshold="99"))
        assert "It would not have fired" in text_of(tried(duration="20"))

    def test_what_quiet_hours_would_have_held_back(self, tried, alice, clock):
        from alerts import preferences

        wish = {"quiet_from": datetime.min.time().replace(second=1),
                "quiet_until": datetime.min.time()}  # fmt: skip
        preferences.change(alice, wish, actor=SYSTEM, now=clock())
        assert "It is within your quiet hours." in text_of(tried(severity="warning"))

    def test_what_cannot_be_tried_says_why(self, tried):
        text = text_of(tried(metric="state"))
        assert "there are no samples to try the rule on" in text

    def test_a_form_that_is_not_whole_yet_says_what_lacks(self, tried):
        answer = tried(threshold="")
        assert answer.status_code == 200
        assert "Threshold: Enter a threshold." in text_of(answer)

    def test_nothing_is_saved_by_trying(self, tried, alice):
        tried()
        assert not AlertRule.objects.filter(owner=alice).exists()

    def test_nothing_is_saved_by_trying_a_change(self, site, make_rule):
        rule = make_rule()
        site.post(f"/alerts/rules/{rule.pk}/", {**WISH, "try": "1"}, **FETCHED)
        rule.refresh_from_db()
        assert rule.metric == "memory"

    def test_on_nobody_elses_server(self, tried, bob, make_server):
        theirs = make_server(bob, "bobs-own")
        answer = tried(trial=theirs.pk)
        assert answer.context["trial"].server.name == "web1"

    def test_without_scripts_the_whole_page_comes_with_what_was_entered(
        self, site, alice, make_server
    ):
        server = make_server(alice, "web1")
        measure(server, [0.95] * 30)
        labels.replace(server, {"env": "prod"}, actor=SYSTEM, now=datetime.now(UTC))
        wish = {**WISH, "try": "1", "trial": server.pk, "threshold": "83"}
        page = site.post("/alerts/rules/new/", wish)
        assert page.status_code == 200
        assert "It would have fired once" in text_of(page)
        assert 'value="83"' in page.content.decode()


class TestSentTwice:
    def test_one_rule_is_made(self, site, alice):
        key = site.get("/alerts/rules/new/").context["key"]
        for _ in range(2):
            answer = site.post("/alerts/rules/new/", {**WISH, "key": key})
            assert (answer.status_code, answer["Location"]) == (303, "/alerts/rules/")
        assert AlertRule.objects.filter(owner=alice).count() == 1

    def test_one_that_was_gone_back_to_and_changed_is_another(self, site, alice):
        key = site.get("/alerts/rules/new/").context["key"]
        for threshold in ("80", "85"):
            site.post("/alerts/rules/new/", {**WISH, "threshold": threshold, "key": key})
        thresholds = AlertRule.objects.filter(owner=alice).values_list("threshold", flat=True)
        assert sorted(thresholds) == [0.8, 0.85]

    def test_what_was_refused_may_be_sent_again(self, site, alice, make_rule, default):
        mine = make_rule(replaces=default)
        wish = {**WISH, "replaces": default.pk, "key": "k"}
        assert site.post("/alerts/rules/new/", wish).status_code == 400
        mine.delete()
        assert site.post("/alerts/rules/new/", wish).status_code == 303
