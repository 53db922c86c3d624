"""Mails that lead to a password: who gets one, what stands in it, and what does not."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.test import Client

from accounts.audit import Actor
from accounts.models import AuditEntry, Source, User
from alerts import delivery, invitations
from alerts.models import Notification
from panel.logs import redact

LINK = re.compile(r"http\S+/password/set/\S+")
GOOD = {"new_password1": "a-much-better-one", "new_password2": "a-much-better-one"}

pytestmark = pytest.mark.django_db


def now():
    return datetime.now(UTC)


@pytest.fixture
def post():
    """Delivers what waits, and hands over the newest mail."""

    def deliver():
        for waiting in Notification.objects.filter(status=Notification.Status.PENDING):
            delivery.deliver(waiting.pk, clock=now)
        return mail.outbox[-1]

    return deliver


@pytest.fixture
def customer(db):
    return User.objects.create_user("new@example.com", None)


def forgotten(email="alice@example.com"):
    return Client().post("/password/forgotten/", {"email": email})


def path_of(message):
    return LINK.search(message.body)[0].partition("//")[2].partition("/")[2].join(["/", ""])


def follow(client, message):
    """The page that the link leads to, with the token out of its address."""
    reply = client.get(path_of(message))
    return client.get(reply["Location"]) if reply.status_code == 302 else reply


def test_an_invitation_leads_in(post, customer, staff, client):
    invitations.invite(customer, actor=Actor(staff, Source.ADMIN), now=now())
    page = follow(client, post())
    assert page.status_code == 200
    assert client.post(page.wsgi_request.path, GOOD)["Location"] == "/"
    assert client.get("/").status_code == 200
    customer.refresh_from_db()
    assert customer.check_password("a-much-better-one")
    events = AuditEntry.objects.values_list("event", "object_id")
    assert set(events) == {("person.invited", customer.pk), ("account.password_set", customer.pk)}


def test_the_link_is_stored_nowhere(post, customer, staff):
    told = invitations.invite(customer, actor=Actor(staff, Source.ADMIN), now=now())
    token = path_of(post()).strip("/").split("/")[-1]
    told.refresh_from_db()
    kept = told.body + told.subject + told.answer + str(list(AuditEntry.objects.values()))
    assert token not in kept
    assert token not in redact(f"GET {path_of(mail.outbox[-1])} 200")


def test_it_works_once(post, alice, client):
    forgotten()
    message = post()
    page = follow(client, message)
    client.post(page.wsgi_request.path, GOOD)
    again = follow(Client(), message)
    assert "This link is too old" in again.content.decode()


def test_who_is_signed_in_elsewhere_is_signed_out(post, alice, browser_of):
    elsewhere, here = browser_of(alice), Client()
    forgotten()
    page = follow(here, post())
    here.post(page.wsgi_request.path, GOOD)
    assert elsewhere.get("/").status_code == 302


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@example.com", "nobody@example.com"])
def test_the_same_is_said_to_everybody(email, alice):
    reply = forgotten(email)
    assert reply.status_code == 200
    assert "If there is an account for" in reply.content.decode()
    told = Notification.objects.filter(kind="password").count()
    assert told == (0 if email.startswith("nobody") else 1)


def test_somebody_shut_out_gets_none(alice):
    User.objects.filter(pk=alice.pk).update(is_active=False)
    forgotten()
    assert not Notification.objects.exists()


def test_nor_does_an_older_link_let_them_in(post, alice, client):
    forgotten()
    message = post()
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert "This link is too old" in follow(client, message).content.decode()


def test_asking_again_and_again_sends_one(alice):
    for _ in range(3):
        forgotten()
    assert Notification.objects.count() == 1
    Notification.objects.update(created_at=now() - timedelta(days=1))
    forgotten()
    assert Notification.objects.count() == 2


@pytest.mark.parametrize("email", ["", "x", "a@b", "\x00@example.com", "x" * 300 + "@example.com"])
def test_an_address_that_is_none(email):
    reply = forgotten(email)
    assert reply.status_code == 400
    assert "field-error" in reply.content.decode() or "errorlist" in reply.content.decode()


@pytest.mark.parametrize(
    "wish",
    [
        {"new_password1": "short", "new_password2": "short"},
        {"new_password1": "a-much-better-one", "new_password2": "another-good-one"},
        {},
    ],
)
def test_a_password_that_is_not_taken(post, alice, client, wish):
    before = alice.password
    forgotten()
    page = follow(client, post())
    reply = client.post(page.wsgi_request.path, wish)
    assert reply.status_code == 200
    assert reply.context["form"].errors
    alice.refresh_from_db()
    assert alice.password == before


def test_in_the_persons_language(post, alice):
    User.objects.filter(pk=alice.pk).update(language="ru")
    forgotten()
    told = Notification.objects.get()
    assert told.recipient.language == "ru"
    assert LINK.search(post().body)


@pytest.mark.parametrize(
    ("role", "of", "status"),
    [
        ("", "", 404),
        ("support", "", 403),
        ("operator", "", 303),
        ("operator", "support", 403),
        ("admin", "", 303),
        ("admin", "operator", 303),
    ],
)
def test_who_of_the_staff_may_invite_whom(role, of, status, browser_of):
    sender = User.objects.create_user("sender@example.com", "x", role=role)
    person = User.objects.create_user("person@example.com", None, role=of)
    reply = browser_of(sender).post(f"/people/{person.pk}/invitation/")
    assert reply.status_code == status
    assert Notification.objects.filter(kind="invitation").count() == (status == 303)


def test_nobody_is_invited_by_a_link_or_when_shut_out(browser_of, staff, alice):
    assert browser_of(staff).get(f"/people/{alice.pk}/invitation/").status_code == 405
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert browser_of(staff).post(f"/people/{alice.pk}/invitation/").status_code == 404
    assert not Notification.objects.exists()
