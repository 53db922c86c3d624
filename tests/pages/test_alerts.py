"""What fires, in the header of every page, in its list and on its own page."""

from datetime import UTC, datetime

import pytest

from alerts import destinations, episodes
from alerts.models import Alert, AlertEvent, Incident, Mute, Notification
from servers.models import Server
from tests.pages.reading import text_of

FETCHED = {"HTTP_X_REQUESTED_WITH": "fetch"}


@pytest.fixture
def page(browser_of, alice):
    client = browser_of(alice)
    return lambda path, **more: client.get(path, **more)


def badge_of(response):
    html = response.content.decode()
    start = html.index("data-alert-badge")
    return " ".join(html[start : html.index("</a>", start)].split(">", 1)[1].split())


class TestBadge:
    def test_nothing_where_nothing_fires(self, page, alice, make_server):
        make_server(alice)
        assert badge_of(page("/")) == "Alerts"

    def test_counts_what_nobody_took_on(self, page, alice, make_server, make_alert):
        server = make_server(alice)
        make_alert(server)
        make_alert(server, ended=True)
        make_alert(server, acknowledged_at=datetime.now(UTC))
        response = page("/")
        assert '"nav-count">1<' in badge_of(response)
        assert b"<title>(1) Servers" in response.content
        assert b"<title>(1) Alerts" in page("/alerts/").content

    def test_stale_servers_and_alerts_are_counted_together(
        self, page, alice, make_server, make_alert
    ):
        make_alert(make_server(alice, "slow", age=600))
        assert b"<title>(2) Servers" in page("/").content

    def test_only_ones_own(self, browser_of, alice, bob, staff, make_server, make_alert):
        make_alert(make_server(alice))
        former = make_server(alice, "sold")
        make_alert(former, owner=bob)
        gone = make_server(bob, "gone", status=Server.Status.GONE)
        make_alert(gone)
        assert badge_of(browser_of(bob).get("/alerts/")) == "Alerts"
        assert badge_of(browser_of(staff).get("/alerts/")) == "Alerts"

    def test_incidents_are_counted_for_staff_apart(
        self, browser_of, alice, staff, make_server, fresh_cluster
    ):
        incident_of(fresh_cluster)
        assert "nav-count-incidents" in badge_of(browser_of(staff).get("/alerts/"))
        assert badge_of(browser_of(alice).get("/alerts/")) == "Alerts"

    def test_the_piece_for_modules(self, page, alice, make_server, make_alert):
        make_alert(make_server(alice))
        assert 'data-count="1"' in page("/alerts/badge/").content.decode()

    def test_it_costs_one_query(self, staff, fresh_cluster, django_assert_num_queries):
        from alerts.context import badge_of as read

        incident_of(fresh_cluster)
        with django_assert_num_queries(1):
            assert read(staff).count == 1


def incident_of(cluster, **fields):
    return Incident.objects.create(
        cluster=cluster, kind="node", name="pve-hidden-7", began_at=datetime.now(UTC), **fields
    )


class TestRefusedMail:
    def test_stands_over_every_page_of_whose_it_is(self, browser_of, alice, bob):
        channel = destinations.own_mail(alice, datetime.now(UTC))
        destinations.fail(channel, "550 No <such> user", now=datetime.now(UTC))
        for path in ("/", "/alerts/", "/alerts/rules/"):
            assert "Mail to alice@example.com was refused" in text_of(browser_of(alice).get(path))
        assert "550 No <such> user" in text_of(browser_of(alice).get("/"))
        assert "was refused" not in text_of(browser_of(bob).get("/"))

    def test_and_goes_when_it_is_enabled_again(self, browser_of, alice):
        channel = destinations.own_mail(alice, datetime.now(UTC))
        destinations.fail(channel, "550", now=datetime.now(UTC))
        client = browser_of(alice)
        client.post(f"/alerts/channels/{channel.pk}/", {"do": "enable"})
        client.get("/")
        assert "was refused" not in text_of(client.get("/"))


class TestList:
    def test_what_fires_comes_first_and_the_worst_before_all(
        self, page, alice, make_server, make_alert
    ):
        server = make_server(alice, "web1")
        make_alert(server, severity="info", metric="memory", minutes=1)
        make_alert(server, severity="critical", metric="disk", detail="/var", minutes=30)
        text = text_of(page("/alerts/"))
        assert "2 alerts fire" in text
        assert text.index("Disk above 90 % for 10 min") < text.index("Memory above 90 %")
        assert "97 % (/var) when it fired" in text

    def test_an_empty_one_says_what_is_watched(self, page):
        text = text_of(page("/alerts/"))
        assert "Nothing fires" in text
        assert "Every server is watched from its first day" in text

    def test_others_see_nothing_of_it(self, browser_of, alice, bob, make_server, make_alert):
        make_alert(make_server(alice, "alices-own"))
        assert "alices-own" not in text_of(browser_of(bob).get("/alerts/?state=any"))

    def test_history_by_server_severity_and_state(self, page, alice, make_server, make_alert):
        make_alert(make_server(alice, "web1"), ended=True, severity="critical")
        make_alert(make_server(alice, "mail"), ended=True)
        make_alert(make_server(alice, "fires"))

        def past(query):
            return [alert.server.name for alert in page(f"/alerts/?{query}").context["past"]]

        assert sorted(past("")) == ["mail", "web1"]
        assert past("server=WEB") == ["web1"]
        assert past("severity=critical") == ["web1"]
        assert past("state=firing") == ["fires"]
        assert sorted(past("state=any")) == ["fires", "mail", "web1"]
        assert sorted(past("severity=nonsense&state=nonsense&page=99")) == ["mail", "web1"]

    def test_history_is_paged_with_its_filter(self, page, alice, make_server, make_alert):
        server = make_server(alice)
        for minutes in range(40):
            make_alert(server, ended=True, minutes=minutes)
        response = page("/alerts/?severity=warning")
        assert len(response.context["past"]) == 30
        assert "severity=warning&amp;state=ended&amp;page=2#history" in response.content.decode()
        assert len(page("/alerts/?severity=warning&state=ended&page=2").context["past"]) == 10

    def test_it_costs_the_same_for_one_and_for_many(
        self, page, alice, make_server, make_alert, django_assert_num_queries
    ):
        make_alert(make_server(alice))
        page("/alerts/")
        with django_assert_num_queries(9):
            page("/alerts/")
        for number in range(20):
            make_alert(make_server(alice, f"server-{number}"))
        with django_assert_num_queries(9):
            page("/alerts/")

    def test_modules_get_the_live_part_alone(self, page, alice, make_server, make_alert):
        make_alert(make_server(alice))
        html = page("/alerts/", **FETCHED).content.decode()
        assert 'data-part="current"' in html
        assert "<html" not in html

    def test_names_are_hostile(self, page, alice, make_server, make_alert):
        make_alert(make_server(alice, "<script>x</script>"), detail="<b>", metric="disk")
        assert b"<script>x" not in page("/alerts/").content
        assert b"<b>" not in page("/alerts/").content

    def test_staff_see_incidents_and_whose_an_alert_is(
        self, browser_of, staff, alice, make_server, make_alert, fresh_cluster
    ):
        make_alert(make_server(alice))
        incident_of(fresh_cluster, why="The cluster says that this node is offline.")
        text = text_of(browser_of(staff).get("/alerts/"))
        assert "Node pve-hidden-7 (fra1): The cluster says that this node is offline." in text
        assert "alice@example.com" in text
        assert "pve-hidden-7" not in text_of(browser_of(alice).get("/alerts/"))


class TestActing:
    def test_acknowledging_and_taking_it_back(self, browser_of, alice, make_server, make_alert):
        alert = make_alert(make_server(alice))
        client = browser_of(alice)
        answer = client.post(f"/alerts/{alert.pk}/acknowledge/", {"back": f"/alerts/{alert.pk}/"})
        assert (answer.status_code, answer.url) == (303, f"/alerts/{alert.pk}/")
        alert.refresh_from_db()
        assert alert.acknowledged_by == alice
        assert "acknowledged by you" in text_of(client.get("/alerts/"))
        client.post(f"/alerts/{alert.pk}/acknowledge/", {"take_back": "1"})
        alert.refresh_from_db()
        assert alert.acknowledged_at is None

    def test_what_is_over_cannot_be_acknowledged(self, browser_of, alice, make_server, make_alert):
        alert = make_alert(make_server(alice), ended=True)
        answer = browser_of(alice).post(f"/alerts/{alert.pk}/acknowledge/", follow=True)
        assert "It is over, or somebody was quicker." in text_of(answer)

    @pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:x"])
    def test_the_way_back_stays_here(self, back, browser_of, alice, make_server, make_alert):
        alert = make_alert(make_server(alice))
        answer = browser_of(alice).post(f"/alerts/{alert.pk}/acknowledge/", {"back": back})
        assert answer.url == "/alerts/"

    def test_staff_without_the_right_acknowledge_nothing_of_others(
        self, browser_of, alice, bob, make_server, make_alert
    ):
        bob.is_staff = True
        bob.save()
        alert = make_alert(make_server(alice))
        assert browser_of(bob).get(f"/alerts/{alert.pk}/").status_code == 200
        answer = browser_of(bob).post(f"/alerts/{alert.pk}/acknowledge/")
        assert answer.status_code == 403

    def test_customers_do_not_read_which_of_the_staff_it_was(
        self, browser_of, alice, staff, make_server, make_alert
    ):
        alert = make_alert(make_server(alice))
        browser_of(staff).post(f"/alerts/{alert.pk}/acknowledge/")
        text = text_of(browser_of(alice).get("/alerts/"))
        assert "acknowledged by staff" in text
        assert "staff@example.com" not in text

    @pytest.mark.parametrize(("hours", "lasts"), [("1", 1), ("24", 24), ("168", 168), ("0", None)])
    def test_muting(self, hours, lasts, browser_of, alice, make_server):
        server = make_server(alice)
        wish = {"server": server.pk, "hours": hours, "back": f"/servers/{server.pk}/alerts/"}
        answer = browser_of(alice).post("/alerts/mutes/", wish)
        assert answer.url == f"/servers/{server.pk}/alerts/"
        mute = Mute.objects.get(owner=alice, server=server)
        left = mute.until and (mute.until - datetime.now(UTC)).total_seconds() / 3600
        assert left == (None if lasts is None else pytest.approx(lasts, abs=0.1))

    @pytest.mark.parametrize(
        "wish",
        [{}, {"hours": "1"}, {"server": "x", "hours": "1"}, {"server": "1" * 40, "hours": "1"}],
    )
    def test_muting_nothing_is_nothing(self, wish, browser_of, alice):
        assert browser_of(alice).post("/alerts/mutes/", wish).status_code == 404

    def test_nobody_mutes_somebody_elses(self, browser_of, alice, bob, make_server):
        server = make_server(alice)
        wish = {"server": server.pk, "hours": "1"}
        assert browser_of(bob).post("/alerts/mutes/", wish).status_code == 404
        assert not Mute.objects.exists()

    def test_what_is_muted_says_so(self, browser_of, alice, make_server, make_alert):
        loud, quiet = make_server(alice, "loud"), make_server(alice, "quiet")
        make_alert(loud)
        alert = make_alert(quiet)
        client = browser_of(alice)
        client.post("/alerts/mutes/", {"server": quiet.pk, "hours": "1"})
        assert client.get("/alerts/").context["muted"] == {alert.pk}
        assert text_of(client.get("/alerts/")).count("muted: nothing is told of it") == 1
        text = text_of(client.get(f"/servers/{quiet.pk}/alerts/"))
        assert "muted: nothing is told of it" in text

    def test_unmuting(self, browser_of, alice, make_server):
        server = make_server(alice, "web1")
        client = browser_of(alice)
        client.post("/alerts/mutes/", {"server": server.pk, "hours": "0"})
        assert "All alerts · web1 · until it is taken back" in text_of(client.get("/alerts/"))
        client.post(f"/alerts/mutes/{Mute.objects.get().pk}/")
        assert not Mute.objects.exists()


class TestWhy:
    def test_says_what_happened_what_was_told_and_what_comes_next(
        self, page, alice, make_server, make_alert
    ):
        alert = make_alert(make_server(alice, "web1"))
        episodes.note([alert], AlertEvent.Kind.FIRED, now=alert.fired_at)
        notification = Notification.objects.create(
            recipient=alice, kind="fired", address=alice.email, subject="web1: CPU", body="x",
            status="sent", answer="250 2.0.0 Ok: queued as 4711", created_at=alert.fired_at,
            sent_at=alert.fired_at,
        )  # fmt: skip
        notification.alerts.add(alert)
        AlertEvent.objects.create(
            alert=alert, at=alert.fired_at, kind="told", notification=notification
        )
        text = text_of(page(f"/alerts/{alert.pk}/"))
        assert "web1 : CPU above 90 % for 10 min" in text
        assert "It crossed at" in text
        assert "It was told to alice@example.com (Mail)." in text
        assert "250 2.0.0 Ok: queued as 4711" in text
        assert "Next" in text

    def test_what_is_held_back_is_said_with_its_reason(self, page, alice, make_server, make_alert):
        alert = make_alert(make_server(alice))
        AlertEvent.objects.create(alert=alert, at=alert.fired_at, kind="held", reason="muted")
        text = text_of(page(f"/alerts/{alert.pk}/"))
        assert "It is muted. Nothing is told until that is taken back." in text
        assert "No message was sent about it." in text

    def test_a_fault_of_the_host_is_said_without_its_name(
        self, page, alice, make_server, make_alert, fresh_cluster
    ):
        incident = incident_of(fresh_cluster, why="pve-hidden-7 is offline")
        alert = make_alert(make_server(alice), metric="reachability", incident=incident)
        text = text_of(page(f"/alerts/{alert.pk}/"))
        assert "The host is at fault: one message stands for all that comes of it." in text
        assert "pve-hidden-7" not in text

    def test_without_samples_there_is_no_chart(self, page, alice, make_server, make_alert):
        alert = make_alert(make_server(alice))
        assert b"data-alert-chart" not in page(f"/alerts/{alert.pk}/").content

    def test_somebody_elses_alert_looks_like_none(
        self, browser_of, alice, bob, make_server, make_alert
    ):
        alert = make_alert(make_server(alice))
        theirs = browser_of(bob).get(f"/alerts/{alert.pk}/")
        assert theirs.status_code == browser_of(bob).get("/alerts/999999/").status_code == 404

    def test_modules_get_the_live_part_alone(self, page, alice, make_server, make_alert):
        alert = make_alert(make_server(alice))
        html = page(f"/alerts/{alert.pk}/", **FETCHED).content.decode()
        assert 'data-part="why"' in html
        assert "<html" not in html


def test_a_row_of_the_list_has_a_mark_where_something_fires(
    page, alice, make_server, make_alert, django_assert_num_queries
):
    quiet, loud = make_server(alice, "quiet"), make_server(alice, "loud")
    make_alert(loud)
    make_alert(loud, metric="disk")
    make_alert(quiet, ended=True)
    html = page("/").content.decode()
    assert f'href="/servers/{loud.pk}/alerts/"' in html
    assert "2 alerts" in text_of(page("/"))
    assert f'href="/servers/{quiet.pk}/alerts/"' not in html
    assert Alert.objects.count() == 3
