"""A person to be told something, and mail servers that do as told."""

from smtplib import SMTPRecipientsRefused

import pytest
from django.core.mail.backends.base import BaseEmailBackend

from accounts.audit import Actor
from accounts.models import Source, User
from alerts import delivery, outbox, rulebook, rules, telling
from alerts.models import AlertRule


@pytest.fixture
def ann(db):
    return User.objects.create_user("ann@example.com", "correct horse")


@pytest.fixture
def told(ann, clock):
    return outbox.tell(
        ann, subject="Snapshot failed", body="The disk is full.", key=None, now=clock()
    )


class FailingBackend(BaseEmailBackend):
    """Raises `error` at each mail, and counts them."""

    error: Exception | None = None
    tried = 0

    def send_messages(self, messages):
        type(self).tried += 1
        if self.error is not None:
            raise self.error
        return len(messages)


@pytest.fixture
def mail_server(settings, monkeypatch):
    """Set its `error` to have it fail so."""
    settings.EMAIL_BACKEND = "tests.alerts.conftest.FailingBackend"
    monkeypatch.setattr(FailingBackend, "error", None)
    monkeypatch.setattr(FailingBackend, "tried", 0)
    return FailingBackend


def refusing(code, words=b"No such user here"):
    return SMTPRecipientsRefused({"ann@example.com": (code, words)})


@pytest.fixture
def owner(server, alice):
    """Alice, whose server is judged."""
    return alice


@pytest.fixture
def guest(server, world):
    """Alice's server as Proxmox has it."""
    return world.guest(server.vmid)


@pytest.fixture
def pass_time(pass_cycle, clock, committed):
    """Lets cycles pass; after each, people are told what is due, and mails go out."""

    def run(seconds=30, *, every=30):
        for _ in range(0, seconds, every):
            pass_cycle(every)
            telling.tell_due(clock)
            for pk in delivery.due(clock()).values_list("pk", flat=True):
                delivery.deliver(pk, clock=clock)

    return run


@pytest.fixture
def rule_of(clock):
    """A rule of a person's, of CPU above 90 % for two minutes unless it says otherwise."""

    def make(owner, **wish):
        about = {"metric": "cpu", "threshold": 0.9, "clear_at": 0.8, "duration": 120, **wish}
        replaces = about.pop("replaces", None)
        channels = about.pop("channels", ())
        return rules.create(
            owner,
            about,
            replaces=replaces,
            channels=channels,
            actor=Actor(owner, Source.WEB),
            now=clock(),
        )

    return make


@pytest.fixture
def no_defaults(db):
    """Only what the test itself sets up is judged."""
    rulebook.book()
    AlertRule.objects.update(enabled=False)
    rulebook.changed()
