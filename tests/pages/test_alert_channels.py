"""Where and when a person is told: channels, what is shown once, tests, quiet hours."""

from datetime import UTC, datetime, time

import pytest

from accounts.audit import SYSTEM
from alerts import destinations, preferences
from alerts.models import Alert, Notification, NotificationChannel
from tests.pages.reading import text_of

FETCHED = {"HTTP_X_REQUESTED_WITH": "fetch"}
BOT = "123456789:AAEhBP0av28fakefakefakefakefakefakefake"


@pytest.fixture
def site(browser_of, alice):
    return browser_of(alice)


@pytest.fixture
def own(alice, clock):
    return destinations.own_mail(alice, clock())


@pytest.fixture
def webhook(alice, clock):
    return destinations.add(
        alice, "webhook", name="Pager", target="https://hooks.example.com/s3cret",
        actor=SYSTEM, now=clock(),
    )[0]  # fmt: skip


class TestChannels:
    def test_ones_own_address_is_there_from_the_first_day(self, site):
        text = text_of(site.get("/alerts/channels/"))
        assert "alice@example.com Mail · the address of your account" in text
        assert "In use." in text

    def test_nobody_reads_those_of_others(self, browser_of, bob, staff, webhook):
        for person in (bob, staff):
            assert "Pager" not in text_of(browser_of(person).get("/alerts/channels/"))
            assert browser_of(person).get(f"/alerts/channels/{webhook.pk}/").status_code == 404

    def test_a_webhooks_key_is_shown_once(self, site, alice):
        wish = {"target": "https://hooks.example.com/x", "name": "Pager"}
        page = site.post("/alerts/channels/new/webhook/", wish)
        channel = NotificationChannel.objects.get(owner=alice, kind="webhook")
        key = destinations.secret_of(channel)
        assert key in text_of(page)
        assert "It is shown this once." in text_of(page)
        for path in ("/alerts/channels/", f"/alerts/channels/{channel.pk}/"):
            assert key not in site.get(path).content.decode()

    def test_a_new_key_is_shown_once_too(self, site, webhook):
        before = destinations.secret_of(webhook)
        page = site.post(f"/alerts/channels/{webhook.pk}/", {"do": "rotate"})
        webhook.refresh_from_db()
        key = destinations.secret_of(webhook)
        assert key != before
        assert key in text_of(page)

    def test_a_bots_token_goes_in_and_never_comes_out(self, site, alice):
        wish = {"target": "42", "secret": BOT}
        assert site.post("/alerts/channels/new/telegram/", wish).status_code == 303
        channel = NotificationChannel.objects.get(owner=alice, kind="telegram")
        assert destinations.secret_of(channel) == BOT
        assert BOT not in site.get(f"/alerts/channels/{channel.pk}/").content.decode()
        site.post(f"/alerts/channels/{channel.pk}/", {"target": "43", "secret": "", "name": ""})
        channel.refresh_from_db()
        assert (channel.target, destinations.secret_of(channel)) == ("43", BOT)

    def test_another_address_waits_until_it_is_confirmed(self, site, alice):
        site.post("/alerts/channels/new/mail/", {"target": "pager@example.org"})
        channel = NotificationChannel.objects.get(owner=alice, target="pager@example.org")
        text = text_of(site.get("/alerts/channels/"))
        assert "Not confirmed yet" in text
        sent = Notification.objects.filter(channel=channel).count()
        site.post(f"/alerts/channels/{channel.pk}/", {"do": "confirm"})
        assert Notification.objects.filter(channel=channel).count() == sent + 1

    @pytest.mark.parametrize(
        ("kind", "wish", "words"),
        [
            ("mail", {"target": "nobody"}, "This is not a mail address."),
            ("mail", {"target": "alice@example.com"}, "You have this one already."),
            ("webhook", {"target": "http://hooks.example.com/"}, "https"),
            ("telegram", {"target": "42", "secret": "x" * 10}, "This is not a token"),
            ("telegram", {"target": "42"}, "This field is required."),
        ],
    )
    def test_what_is_not_right_is_said_at_its_field(self, kind, wish, words, site, alice, own):
        answer = site.post(f"/alerts/channels/new/{kind}/", wish)
        assert answer.status_code == 400
        assert words in text_of(answer)
        assert 'aria-invalid="true"' in answer.content.decode()
        assert wish.get("secret", "nothing") not in answer.content.decode()
        assert NotificationChannel.objects.filter(owner=alice).count() == 1

    def test_no_such_kind(self, site):
        assert site.get("/alerts/channels/new/pigeon/").status_code == 404

    def test_off_and_on_again(self, site, own):
        site.post(f"/alerts/channels/{own.pk}/", {"do": "disable"})
        assert "Switched off: nothing is sent there." in text_of(site.get("/alerts/channels/"))
        site.post(f"/alerts/channels/{own.pk}/", {"do": "enable"})
        own.refresh_from_db()
        assert own.enabled

    def test_one_that_was_refused_says_why(self, site, webhook, clock):
        destinations.fail(webhook, "410 <Gone>", now=clock())
        text = text_of(site.get("/alerts/channels/"))
        assert "Refused" in text
        assert "410 <Gone>" in text
        assert "Enable again" in text

    def test_where_a_webhook_leads_is_shown_without_its_path(self, site, webhook):
        assert "https://hooks.example.com/…" in text_of(site.get("/alerts/channels/"))
        assert b"s3cret" not in site.get("/alerts/channels/").content

    def test_removing_but_not_ones_own_address(self, site, webhook, own):
        site.post(f"/alerts/channels/{webhook.pk}/", {"do": "remove"})
        assert not NotificationChannel.objects.filter(pk=webhook.pk).exists()
        answer = site.post(f"/alerts/channels/{own.pk}/", {"do": "remove"}, follow=True)
        assert "Your own address can be switched off, but not removed." in text_of(answer)


class TestTests:
    def test_is_sent_off_and_followed_until_it_is_over(self, site, own, alice, clock):
        answer = site.post(f"/alerts/channels/{own.pk}/", {"do": "test"})
        notification = Notification.objects.get(recipient=alice, kind="test")
        assert answer.url == f"/alerts/channels/?test={notification.pk}#channel-{own.pk}"
        page = site.get(f"/alerts/channels/?test={notification.pk}")
        assert "The test is being sent…" in text_of(page)
        assert b"data-under-way" in page.content
        notification.status, notification.answer = "sent", "250 2.0.0 Ok: queued as <4711>"
        notification.save()
        piece = site.get(f"/alerts/tests/{notification.pk}/", **FETCHED)
        assert "The test got there. The answer: 250 2.0.0 Ok: queued as <4711>" in text_of(piece)
        assert b"data-under-way" not in piece.content

    def test_says_why_it_did_not_get_there(self, site, webhook, alice):
        notification = destinations.test(webhook, now=datetime.now(UTC))
        notification.status, notification.error = "given_up", "410 Gone"
        notification.save()
        text = text_of(site.get(f"/alerts/channels/?test={notification.pk}"))
        assert "The test did not get there. 410 Gone" in text

    def test_too_many_are_not_sent(self, site, own):
        for _ in range(destinations.TESTS_A_MINUTE + 1):
            answer = site.post(f"/alerts/channels/{own.pk}/", {"do": "test"}, follow=True)
        assert "Too many tests at once." in text_of(answer)

    def test_nobody_follows_those_of_others(self, browser_of, bob, own):
        notification = destinations.test(own, now=datetime.now(UTC))
        path = f"/alerts/tests/{notification.pk}/"
        assert browser_of(bob).get(path, **FETCHED).status_code == 404
        page = browser_of(bob).get(f"/alerts/channels/?test={notification.pk}")
        assert "The test is being sent" not in text_of(page)

    @pytest.mark.parametrize("number", ["x", "²", "9" * 40, "999999", ""])
    def test_a_number_of_none_is_nothing(self, number, site):
        assert site.get(f"/alerts/channels/?test={number}").status_code == 200


class TestPreferences:
    WISH = {
        "quiet_from": "22:00", "quiet_until": "07:00", "critical_anyway": "on",
    }  # fmt: skip

    def test_are_kept(self, site, alice):
        assert site.post("/alerts/preferences/", self.WISH).status_code == 303
        kept = preferences.of(alice)
        assert (kept.quiet_from, kept.quiet_until) == (time(22), time(7))
        html = site.get("/alerts/preferences/").content.decode()
        assert 'value="22:00"' in html

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"quiet_until": ""}, "Quiet hours have a beginning and an end."),
            ({"quiet_until": "22:00"}, "They would end as they begin."),
            ({"quiet_from": "later"}, "Enter a valid time."),
        ],
    )
    def test_what_is_not_right_is_said_and_nothing_is_lost(self, changes, words, site, alice):
        answer = site.post("/alerts/preferences/", {**self.WISH, **changes})
        assert answer.status_code == 400
        assert words in text_of(answer)
        assert preferences.of(alice).quiet_from is None

    def test_incidents_are_asked_of_staff_alone(self, site, browser_of, staff, alice):
        assert "node, a storage or a cluster" not in text_of(site.get("/alerts/preferences/"))
        client = browser_of(staff)
        assert "node, a storage or a cluster" in text_of(client.get("/alerts/preferences/"))
        client.post("/alerts/preferences/", self.WISH)
        assert not preferences.of(staff).incidents
        site.post("/alerts/preferences/", {**self.WISH, "incidents": ""})
        assert preferences.of(alice).incidents


def test_what_quiet_hours_held_back_is_decided_anew(site, alice, make_server, make_alert):
    later = datetime.now(UTC).replace(year=2099)
    alert = make_alert(make_server(alice), tell_at=later)
    site.post("/alerts/preferences/", {"quiet_from": "", "quiet_until": ""})
    assert Alert.objects.get(pk=alert.pk).tell_at < later


def test_a_form_that_is_sent_twice_adds_one_and_shows_its_key_once(browser_of, alice):
    site = browser_of(alice)
    address = "/alerts/channels/new/webhook/"
    wish = {"target": "https://hooks.example.com/x", "key": site.get(address).context["key"]}
    first = site.post(address, wish)
    again = site.post(address, wish, follow=True)
    assert NotificationChannel.objects.filter(owner=alice, kind="webhook").count() == 1
    assert first.context["secret"] not in again.content.decode()
    assert "Added already." in text_of(again)
