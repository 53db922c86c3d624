"""What is put down to be told."""

import pytest
from django.db import transaction

from accounts.models import User
from alerts import outbox
from alerts.models import Notification
from tests.conftest import Sent


def tell(user, clock, **changes):
    asked = {"subject": "Hello", "body": "Text", "key": "snapshot-failed:7", **changes}
    return outbox.tell(user, now=clock(), **asked)


def test_a_row_and_a_message_after_commit(ann, clock, sent, committed):
    with committed():
        notification = tell(ann, clock)
        assert sent == []

    assert sent == [Sent("alerts.deliver", {"notification_id": notification.pk}, {})]
    notification.refresh_from_db()
    assert notification.status == "pending"
    assert notification.address == "ann@example.com"
    assert notification.next_attempt_at == clock()


def test_the_same_is_told_once(ann, clock, sent, committed):
    with committed():
        first = tell(ann, clock)
        again = tell(ann, clock, subject="Hello again")

    assert again == first
    assert again.subject == "Hello"
    assert len(sent) == 1


def test_without_a_key_each_is_told(ann, clock):
    assert tell(ann, clock, key=None) != tell(ann, clock, key=None)


def test_what_is_rolled_back_is_not_told(ann, clock, sent, committed):
    def told_and_failed():
        with transaction.atomic():
            tell(ann, clock)
            raise ZeroDivisionError

    with committed(), pytest.raises(ZeroDivisionError):
        told_and_failed()

    assert not Notification.objects.exists()
    assert sent == []


@pytest.mark.parametrize("key", ["", "x" * 129, "ключ"])
def test_a_key_that_databases_would_compare_each_in_its_way(ann, clock, key):
    with pytest.raises(ValueError, match="cannot be the key"):
        tell(ann, clock, key=key)


@pytest.mark.parametrize(
    ("subject", "stored"),
    [
        ("до обновления", "до обновления"),
        ("a\r\nBcc: eve@example.com", "a Bcc: eve@example.com"),
        ("a\x00\u2028b\ud800", "a b"),
        ("a\u202eb", "a b"),
        ("  a \t b ", "a b"),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_a_subject_is_one_line_that_fits(ann, clock, subject, stored):
    notification = tell(ann, clock, subject=subject)

    notification.refresh_from_db()
    assert notification.subject == stored


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\tb\x07\ud800\u202e", "a b"),
        ("x" * 20_001, "x" * 19_999 + "…"),
    ],
)
def test_a_body_is_plain_text_that_can_be_sent(ann, clock, body, stored):
    notification = tell(ann, clock, body=body)

    notification.refresh_from_db()
    assert notification.body == stored


def test_it_stays_when_the_person_goes(ann, clock):
    notification = tell(ann, clock)
    User.objects.all().delete()

    notification.refresh_from_db()
    assert notification.recipient is None
    assert notification.address == "ann@example.com"


def test_staff_read_it_and_change_nothing(ann, clock, admin_client):
    notification = tell(ann, clock)
    page = f"/admin/alerts/notification/{notification.pk}/change/"

    assert b"ann@example.com" in admin_client.get("/admin/alerts/notification/").content
    assert b"Hello" in admin_client.get(page).content
    assert admin_client.post(page, {"subject": "x"}).status_code == 403
    assert admin_client.get("/admin/alerts/notification/add/").status_code == 403
