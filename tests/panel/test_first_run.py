"""From nobody to a first customer, in the browser."""

import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from alerts.models import Notification
from panel.first_run import key
from panel.logs import redact
from servers.models import Cluster, ClusterToken, Server
from servers.simulator import certificates
from tests.serving import serving

pytestmark = pytest.mark.django_db

PASSWORD = "a-much-better-one"
ME = {"email": "first@example.com", "password": PASSWORD}
PAGES = ("cluster", "servers", "mail", "customer")


def printed():
    out = io.StringIO()
    call_command("setup_link", stdout=out)
    return out.getvalue().strip()


def begin(client):
    return client.post("/" + printed().split("/", 3)[3], ME)


@pytest.fixture
def admin(client):
    """A browser in which the first administrator was just made."""
    begin(client)
    return client


def text_of(reply):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", reply.content.decode()))


class TestNobodyYet:
    def test_the_way_in_is_told_wherever_one_comes(self, client):
        assert client.get("/", follow=True).request["PATH_INFO"] == "/setup/"
        assert "manage.py setup_link" in text_of(client.get("/setup/"))

    def test_the_link_makes_the_first_administrator_and_leads_on(self, client):
        reply = begin(client)
        assert (reply.status_code, reply["Location"]) == (303, "/setup/cluster/")
        person = User.objects.get()
        assert (person.email, person.role, person.is_superuser) == (ME["email"], "admin", True)
        assert client.get("/setup/cluster/").status_code == 200
        entry = AuditEntry.objects.get()
        assert (entry.event, entry.actor) == ("person.first_administrator", person)

    def test_once(self, client):
        link = printed()
        begin(client)
        reply = Client().post("/" + link.split("/", 3)[3], {**ME, "email": "two@example.com"})
        assert reply.status_code == 410
        assert User.objects.count() == 1
        with pytest.raises(CommandError, match="administrator already"):
            printed()

    @pytest.mark.parametrize("text", ["x", "begin", "ImJlZ2luIg:1tZb2Q:AAAA", "a" * 2000])
    def test_another_key_opens_nothing(self, client, text):
        assert client.post(f"/setup/begin/{text}/", ME).status_code == 410
        assert not User.objects.exists()

    def test_nor_an_old_one(self, client, monkeypatch):
        monkeypatch.setattr(key, "GOOD_FOR", timedelta(seconds=-1))
        assert begin(client).status_code == 410

    def test_the_key_reaches_no_log(self):
        link = printed()
        assert link.rstrip("/").rsplit("/", 1)[1] not in redact(f'"GET {link} HTTP/1.1" 200')

    @pytest.mark.parametrize(
        "wish",
        [{"email": "x"}, {"email": ""}, {"password": "short"}, {"password": "first@example.com"}],
    )
    def test_what_is_not_right_is_said(self, client, wish):
        reply = client.post("/" + printed().split("/", 3)[3], {**ME, **wish})
        assert reply.status_code == 400
        assert PASSWORD not in reply.content.decode()
        assert not User.objects.exists()

    def test_somebody_of_that_address_who_is_no_administrator(self, client, alice):
        reply = client.post("/" + printed().split("/", 3)[3], {**ME, "email": alice.email})
        assert reply.status_code == 400
        assert "There is somebody of this address already." in text_of(reply)


@pytest.mark.parametrize("page", ["", *(f"{page}/" for page in PAGES)])
def test_it_is_the_administrators_alone(page, browser_of, alice, staff):
    assert browser_of(alice).get(f"/setup/{page}").status_code == 404
    User.objects.create_user("op@example.com", "x", role="operator")
    assert (
        browser_of(User.objects.get(email="op@example.com")).get(f"/setup/{page}").status_code
        == 404
    )
    assert Client().get(f"/setup/{page}").status_code == 302
    assert browser_of(staff).get(f"/setup/{page}").status_code == 200


class TestCluster:
    @pytest.fixture
    def wish(self, credentials):
        return {
            "name": "fra1",
            "addresses": "https://pve.example.com:8006",
            "token_id": "panel@pve!panel",
            "secret": credentials.secret,
            "ca_pem": "",
        }

    def test_it_is_checked_and_registered(self, admin, wire, wish):
        reply = admin.post("/setup/cluster/", wish)
        assert reply.status_code == 200
        assert "fra1 is registered" in text_of(reply)
        assert "the token sees" in text_of(reply)
        assert Cluster.objects.get().tokens.get().secret == wish["secret"]
        assert AuditEntry.objects.get(event="cluster.added").actor.email == ME["email"]

    def test_what_the_token_lacks_is_said_with_the_lines_that_grant_it(
        self, admin, wire, wish, world
    ):
        secret = world.access.authorization("audit@pve!audit").split("=", 2)[-1]
        reply = admin.post(
            "/setup/cluster/", {**wish, "token_id": "audit@pve!audit", "secret": secret}
        )
        assert "servers cannot be started or stopped" in text_of(reply)
        assert "pveum acl modify" in text_of(reply)
        assert Cluster.objects.exists()

    def test_one_that_sees_nothing_is_not_registered(self, admin, wire, wish, world):
        secret = world.access.authorization("nobody@pve!nothing").split("=", 2)[-1]
        reply = admin.post(
            "/setup/cluster/", {**wish, "token_id": "nobody@pve!nothing", "secret": secret}
        )
        assert reply.status_code == 400
        assert "no guest can be seen at all" in text_of(reply)
        assert secret not in reply.content.decode()
        assert not Cluster.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"name": ""}, "This field is required."),
            ({"addresses": "http://pve.example.com"}, "https alone"),
            ({"addresses": "https://[::1:8006"}, "no address like"),
            ({"addresses": "\n".join(["https://a.example.com"] * 40)}, "too many addresses"),
            ({"token_id": "panel"}, "looks like panel@pve!panel"),
            ({"secret": ""}, "This field is required."),
            ({"secret": "00000000-0000-0000-0000-000000000000"}, "not accepted"),
            ({"ca_pem": "no certificate"}, "no PEM"),
            ({"sealed": "x", "secret": ""}, "This field is required."),
        ],
    )
    def test_what_cannot_be_right_is_said_and_nothing_lost(
        self, admin, wire, wish, changes, words
    ):
        reply = admin.post("/setup/cluster/", {**wish, "addresses": wish["addresses"], **changes})
        assert reply.status_code == 400
        assert words in text_of(reply)
        if changes.get("secret") is None:
            assert wish["secret"] not in reply.content.decode()
            # It is kept, for Proxmox shows it once.
            assert 'name="sealed"' in reply.content.decode()
        assert not Cluster.objects.exists()

    def test_a_name_that_is_taken(self, admin, cluster, wish):
        reply = admin.post("/setup/cluster/", {**wish, "name": cluster.name})
        assert "There is a cluster of this name already." in text_of(reply)
        assert ClusterToken.objects.count() == 1

    def test_a_certificate_is_compared_and_pinned(self, admin, world, tmp_path, wish):
        made = certificates.ensure(tmp_path)
        with serving(world, made) as port:
            wish = {**wish, "addresses": f"https://127.0.0.1:{port}"}
            asked = admin.post("/setup/cluster/", wish)
            assert "Is this your Proxmox?" in text_of(asked)
            fingerprint, sealed = asked.context["fingerprints"], asked.context["sealed"]
            assert fingerprint in text_of(asked)
            assert wish["secret"] not in asked.content.decode()
            again = {**wish, "secret": "", "sealed": sealed, "fingerprints": fingerprint}
            refused = admin.post("/setup/cluster/", again)
            assert "Is this your Proxmox?" in text_of(refused)
            taken = admin.post("/setup/cluster/", {**again, "pin": "on"})
        assert "fra1 is registered" in text_of(taken)
        endpoint = Cluster.objects.get().endpoints.get()
        assert endpoint.fingerprint == fingerprint
        assert Cluster.objects.get().tokens.get().secret == wish["secret"]


class TestServers:
    def test_before_there_is_a_cluster(self, admin):
        assert "No cluster yet" in text_of(admin.get("/setup/servers/"))

    def test_while_it_is_looked_at(self, admin, cluster):
        page = admin.get("/setup/servers/")
        assert "the first look is under way" in text_of(page)
        assert b"data-wait" in page.content

    def test_what_was_found(self, admin, make_servers):
        make_servers("web", "db")
        page = admin.get("/setup/servers/")
        assert "2 servers found" in text_of(page)
        assert b"data-wait" not in page.content


@pytest.fixture
def make_servers(cluster):
    def make(*names):
        now = timezone.now()
        Cluster.objects.update(last_cycle_at=now)
        return [
            Server.objects.create(
                cluster=cluster, kind="qemu", vmid=100 + number, name=name, status_since=now
            )
            for number, name in enumerate(names)
        ]

    return make


class TestMail:
    def test_a_test_is_sent_and_its_end_shown(self, admin):
        assert admin.post("/setup/mail/").status_code == 303
        told = Notification.objects.get()
        assert (told.kind, told.address) == ("test", ME["email"])
        assert "The test is being sent" in text_of(admin.get("/setup/mail/"))
        ended = {"next_attempt_at": None, "status": "sent", "answer": "250 OK"}
        Notification.objects.update(**ended)
        page = text_of(admin.get("/setup/mail/"))
        assert "The test got there. 250 OK" in page

    def test_and_why_it_failed(self, admin):
        admin.post("/setup/mail/")
        Notification.objects.update(next_attempt_at=None, status="given_up", error="refused")
        assert "The test did not get there. refused" in text_of(admin.get("/setup/mail/"))

    @pytest.mark.parametrize(
        ("backend", "words"),
        [
            ("django.core.mail.backends.console.EmailBackend", "written into the log"),
            ("django.core.mail.backends.filebased.EmailBackend", "put into files"),
            ("alerts.channels.smtp.EmailBackend", "Mails go to mail.example.com, port 587."),
        ],
    )
    def test_it_says_where_mail_goes(self, admin, settings, backend, words):
        settings.EMAIL_BACKEND = backend
        settings.EMAIL_HOST, settings.EMAIL_PORT = "mail.example.com", 587
        assert words in text_of(admin.get("/setup/mail/"))


class TestCustomer:
    WISH = {"email": "New@Example.com", "language": "ru"}

    def test_they_are_invited_and_have_their_servers(self, admin, make_servers):
        web, db = make_servers("web", "db")
        reply = admin.post("/setup/customer/", {**self.WISH, "servers": [web.pk]})
        assert (reply.status_code, reply["Location"]) == (303, "/setup/")
        customer = User.objects.get(email="new@example.com")
        assert (customer.role, customer.language) == ("", "ru")
        assert not customer.has_usable_password()
        assert list(customer.servers.all()) == [web]
        assert Notification.objects.get(kind="invitation").recipient == customer
        db.refresh_from_db()
        assert db.owner is None

    @pytest.mark.parametrize(
        "changes",
        [{"email": "x"}, {"email": ME["email"]}, {"language": "de"}, {"servers": ["x"]},
         {"servers": ["999999"]}, {"servers": ["9" * 30]}],
    )  # fmt: skip
    def test_what_is_not_right_is_said(self, admin, changes):
        assert admin.post("/setup/customer/", {**self.WISH, **changes}).status_code == 400
        assert User.objects.count() == 1

    def test_a_server_of_somebody_elses_is_not_given_away(self, admin, make_servers, alice):
        [web] = make_servers("web")
        Server.objects.update(owner=alice)
        reply = admin.post("/setup/customer/", {**self.WISH, "servers": [web.pk]})
        assert reply.status_code == 400
        web.refresh_from_db()
        assert web.owner == alice

    def test_what_was_ticked_comes_back(self, admin, make_servers):
        [web] = make_servers("web")
        reply = admin.post(
            "/setup/customer/", {"email": "x", "language": "en", "servers": [web.pk]}
        )
        assert f'value="{web.pk}" checked' in reply.content.decode()


def test_it_can_be_come_back_to_and_says_when_all_is_done(admin, make_servers):
    assert "What is left" in text_of(admin.get("/setup/"))
    make_servers("web")
    admin.post("/setup/mail/")
    Notification.objects.update(status="sent", next_attempt_at=None, sent_at=datetime.now(UTC))
    admin.post("/setup/customer/", TestCustomer.WISH)
    assert "The panel is set up" in text_of(admin.get("/setup/"))


def test_a_number_of_queries_that_does_not_grow(
    admin, make_servers, django_assert_max_num_queries
):
    make_servers(*(f"web{number}" for number in range(30)))
    for page in PAGES:
        with django_assert_max_num_queries(20):
            admin.get(f"/setup/{page}/")
