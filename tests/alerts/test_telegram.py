"""Telegram, against a bot API of our own."""

import json
import logging
from datetime import timedelta

import pytest

from accounts.audit import Actor
from accounts.models import AuditEntry, Source
from alerts import delivery, destinations, outbox
from alerts.channels.telegram import LONGEST
from servers.operations import Invalid
from tests.alerts.receivers import Receiver, receiving

ACTOR = Actor(None, Source.WEB)
TOKEN = "1234567:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


@pytest.fixture
def api(settings):
    with receiving(Receiver(body=b'{"ok": true, "result": {"message_id": 42}}')) as made:
        settings.TELEGRAM_API_URL = f"http://127.0.0.1:{made.port}"
        yield made


@pytest.fixture
def chat(ann, clock):
    made, secret = destinations.add(
        ann, "telegram", name="", target="-100123", secret=TOKEN, actor=ACTOR, now=clock()
    )
    assert secret is None, "it is theirs, and known to them"
    return made


@pytest.fixture
def send(ann, chat, clock):
    def deliver(subject="web-1: CPU above 90 %", body="<b>& it lasts"):
        told = outbox.tell(
            ann, subject=subject, body=body, key=None, kind="fired", channel=chat, now=clock()
        )
        delivery.deliver(told.pk, clock=clock)
        told.refresh_from_db()
        return told

    return deliver


def refuse(api, status, description, **more):
    api.status = status
    said = {"ok": False, "error_code": status, "description": description, **more}
    api.body = json.dumps(said).encode()


def test_it_is_sent(send, api):
    told = send()

    assert (told.status, told.answer) == ("sent", "200 message 42")
    [(path, _headers, body)] = api.asked
    assert path == f"/bot{TOKEN}/sendMessage"
    said = json.loads(body)
    assert said["chat_id"] == "-100123"
    assert said["text"] == "web-1: CPU above 90 %\n\n<b>& it lasts"
    assert "parse_mode" not in said, "names are hostile text"


def test_a_long_one_is_cut_as_telegram_counts(send, api):
    send(body="😀" * 5000)
    text = json.loads(api.asked[0][2])["text"]
    assert len(text.encode("utf-16-le")) // 2 <= LONGEST
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (401, "Unauthorized"),
        (404, "Not Found"),
        (400, "Bad Request: chat not found"),
        (403, "Forbidden: bot was blocked by the user"),
    ],
)
def test_what_will_never_work_switches_it_off(send, chat, api, status, description):
    refuse(api, status, description)
    told = send()

    chat.refresh_from_db()
    assert (told.status, told.error) == ("given_up", f"{status} {description}")
    assert chat.failure == told.error


def test_too_many_requests_are_waited_for(send, api, clock, chat):
    refuse(api, 429, "Too Many Requests: retry after 700", parameters={"retry_after": 700})
    told = send()

    assert told.status == "failed"
    assert told.next_attempt_at == clock() + timedelta(seconds=700)
    chat.refresh_from_db()
    assert chat.failed_at is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"oops"),
        (502, b"<html>" + b"x" * 9000),
        (200, b"not json"),
        (200, b"[]"),
        (200, b'{"ok": false}'),
        (429, b'{"parameters": {"retry_after": "soon"}}'),
        (429, b'{"parameters": {"retry_after": -5}}'),
        (429, b'{"parameters": 7}'),
    ],
)
def test_what_makes_no_sense_is_tried_again(send, api, clock, status, body):
    api.status, api.body = status, body
    told = send()
    assert told.status == "failed"
    assert told.next_attempt_at == clock() + timedelta(minutes=1)


@pytest.mark.parametrize("trouble", ["refused", "echo", "garbage", "drip"])
def test_the_token_reaches_no_log_and_no_row(send, chat, api, settings, caplog, trouble):
    caplog.set_level(logging.DEBUG)
    if trouble == "refused":
        settings.TELEGRAM_API_URL = "http://127.0.0.1:1"
    elif trouble == "echo":
        refuse(api, 400, f"Bad Request: no method /bot{TOKEN}/sendMessage")
    elif trouble == "garbage":
        api.instead = lambda handler: handler.wfile.write(f"/bot{TOKEN}/ ?\r\n\r\n".encode())
    else:
        api.instead = lambda handler: handler.connection.close()
    told = send()

    assert told.status in ("failed", "given_up")
    log = [str(vars(attempt)) for attempt in told.log.all()]
    rows = [str(vars(entry)) for entry in AuditEntry.objects.all()]
    chat.refresh_from_db()
    for text in (caplog.text, str(vars(told)), str(vars(chat)), *log, *rows):
        assert TOKEN not in text
    assert destinations.secret_of(chat) == TOKEN


@pytest.mark.parametrize("chat_id", ["", "abc", "@x", "12 34", "@name;drop", "1" * 30])
def test_chats_that_are_none(ann, clock, chat_id):
    with pytest.raises(Invalid) as refused:
        destinations.add(
            ann, "telegram", name="", target=chat_id, secret=TOKEN, actor=ACTOR, now=clock()
        )
    assert refused.value.field == "target"


@pytest.mark.parametrize(
    "token", ["", "123", TOKEN + "/../x", TOKEN + "\r\nX: y", "a:" + "b" * 35]
)
def test_tokens_that_are_none(ann, clock, token):
    with pytest.raises(Invalid) as refused:
        destinations.add(
            ann, "telegram", name="", target="17", secret=token, actor=ACTOR, now=clock()
        )
    assert refused.value.field == "secret"
    assert len(token) < 10 or token not in str(refused.value)
