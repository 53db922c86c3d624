"""A person to be told something, and mail servers that do as told."""

from smtplib import SMTPRecipientsRefused

import pytest
from django.core.mail.backends.base import BaseEmailBackend

from accounts.models import User
from alerts import outbox


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
