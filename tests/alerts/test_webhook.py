"""Webhooks, to real receivers: what they get, and where none can be."""

import hmac
import json
import logging
import re
import socket
import time
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path

import pytest

from accounts.audit import SYSTEM, Actor
from accounts.models import AuditEntry, Source
from alerts import delivery, destinations, outbox
from alerts.channels import wire
from alerts.channels.networks import address_of, is_public
from alerts.channels.webhook import checked_url
from alerts.models import Alert
from servers import ownership
from servers.operations import Invalid
from servers.simulator import certificates
from tests.alerts.receivers import Receiver, receiving

ACTOR = Actor(None, Source.WEB)
ROOT = Path(__file__).resolve().parent.parent.parent
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.fixture(scope="module")
def made_certificates(tmp_path_factory):
    return certificates.ensure(tmp_path_factory.mktemp("hooks"))


@pytest.fixture
def trusted(made_certificates, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(made_certificates.ca))
    return made_certificates


@pytest.fixture
def receiver(trusted, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    with receiving(Receiver(), trusted) as made:
        yield made


@pytest.fixture
def hook(ann, receiver, clock):
    """The channel, and its key, as it is revealed once."""
    return destinations.add(
        ann,
        "webhook",
        name="mine",
        target=f"https://localhost:{receiver.port}/in/t0ken?x=1",
        actor=ACTOR,
        now=clock(),
    )


@pytest.fixture
def send(ann, hook, clock):
    def deliver(**changes):
        told = outbox.tell(
            ann,
            subject="Подробности",
            body="CPU above 90 %",
            key=None,
            kind="fired",
            channel=hook[0],
            now=clock(),
            **changes,
        )
        delivery.deliver(told.pk, clock=clock)
        told.refresh_from_db()
        return told

    return deliver


def test_it_is_signed_and_says_all(send, hook, receiver, clock):
    told = send()

    assert (told.status, told.answer) == ("sent", "200 OK: thanks")
    [(path, headers, body)] = receiver.asked
    assert path == "/in/t0ken?x=1"
    assert headers["Host"] == f"localhost:{receiver.port}"
    said = json.loads(body)
    assert said["id"] == headers["X-Event-Id"]
    assert (said["type"], said["subject"], said["alerts"]) == ("fired", "Подробности", [])
    stamp = headers["X-Event-Timestamp"]
    assert int(stamp) == int(clock.seconds)
    expected = hmac.new(hook[1].encode(), stamp.encode() + b"." + body, sha256).hexdigest()
    assert headers["X-Event-Signature"] == f"sha256={expected}"


def test_each_attempt_bears_the_same_event_id(send, receiver, clock, ann):
    receiver.status = 503
    told = send()
    assert (told.status, told.error) == ("failed", "503 Service Unavailable: thanks")
    receiver.status = 204
    receiver.body = b""
    clock.pass_by(60)
    delivery.deliver(told.pk, clock=clock)

    told.refresh_from_db()
    assert told.status == "sent"
    first, second = [headers for _, headers, _ in receiver.asked]
    assert first["X-Event-Id"] == second["X-Event-Id"]
    assert first["X-Event-Signature"] != second["X-Event-Signature"]


@pytest.mark.parametrize(
    ("status", "kept", "shut"),
    [(410, "given_up", True), (404, "failed", False), (400, "failed", False)],
)
def test_what_an_answer_means(send, hook, receiver, status, kept, shut):
    receiver.status = status
    assert send().status == kept
    hook[0].refresh_from_db()
    assert bool(hook[0].failed_at) == shut


def test_a_redirect_is_not_followed(send, receiver):
    receiver.status = 307
    receiver.headers = {"Location": f"https://localhost:{receiver.port}/elsewhere"}
    told = send()

    assert told.status == "failed"
    assert "Redirects are not followed" in told.error
    assert len(receiver.asked) == 1


def test_of_a_huge_answer_a_piece_is_read(send, receiver):
    receiver.body = b"x" * 5_000_000
    began = time.monotonic()
    told = send()
    assert told.status == "sent"
    assert len(told.answer) < 150
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("where", ["status line", "headers", "body"])
def test_one_that_drips_is_left_when_time_is_up(send, receiver, monkeypatch, where):
    monkeypatch.setitem(wire.post.__kwdefaults__, "seconds", 0.6)

    def drip(handler):
        handler.wfile.write(
            {
                "status line": b"",
                "headers": b"HTTP/1.1 200 OK\r\n",
                "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            }[where]
        )
        for _ in range(200):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    receiver.instead = drip
    began = time.monotonic()
    told = send()

    assert time.monotonic() - began < 3
    if where == "body":
        assert told.status == "sent", "it had answered"
    else:
        assert (told.status, told.error) == ("failed", "It was not over within 0.6 s.")


@pytest.mark.parametrize(
    "talk",
    [
        lambda handler: handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500),
        lambda handler: handler.wfile.write(b"I am no web server at all\r\n\r\n"),
        lambda handler: handler.connection.shutdown(socket.SHUT_RDWR),
    ],
    ids=["endless headers", "no HTTP", "hangs up"],
)
def test_one_that_does_not_speak_http(send, receiver, talk):
    receiver.instead = talk
    told = send()
    assert told.status == "failed"
    assert told.error


def test_what_it_answers_is_hostile(send, receiver):
    receiver.instead = lambda handler: handler.wfile.write(
        b"HTTP/1.1 500 <script>\x1b[31m\x07" + b"y" * 2000 + b"\r\n\r\n"
    )
    told = send()
    assert told.error.startswith("500 <script> [31m")
    assert len(told.error) <= 255
    assert told.error.isprintable()


def test_a_certificate_for_another_name_is_refused(send, hook, receiver, monkeypatch, settings):
    target = f"https://elsewhere.example.com:{receiver.port}/"
    destinations.change(hook[0], target=target, actor=ACTOR, now=hook[0].created_at)
    resolve(monkeypatch, ["127.0.0.1"])
    told = send()

    assert "CERTIFICATE_VERIFY_FAILED" in told.error
    assert receiver.asked == []


# Where it may not go


def resolve(monkeypatch, *answers):
    """The resolver says the first of these, then the next; returns what it was asked."""
    asked = []
    left = list(answers)

    def getaddrinfo(host, port, *args, **kwargs):
        asked.append(host)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port),
            )
            for each in addresses
        ]

    monkeypatch.setattr(wire.socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.fixture
def reached(monkeypatch):
    """Whom a connection was tried to; none is made."""
    tried = []

    def create_connection(address, timeout=None):
        tried.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(wire.socket, "create_connection", create_connection)
    return tried


PRIVATE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::10.0.0.1",
    "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1",
    "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_request_goes_into_such_a_network(send, hook, monkeypatch, reached, settings, address):
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    resolve(monkeypatch, [address])
    told = send()

    assert not is_public(address_of(address))
    assert reached == []
    assert told.status == "failed"
    assert "not open to the panel" in told.error


@pytest.mark.parametrize("address", PUBLIC)
def test_others_are_reached(send, monkeypatch, reached, settings, address):
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    resolve(monkeypatch, [address])
    send()
    assert reached == [address]


def test_one_private_address_among_others_is_enough(send, monkeypatch, reached, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    resolve(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    send()
    assert reached == []


def test_a_name_server_that_answers_otherwise_a_moment_later_changes_nothing(
    send, monkeypatch, reached, settings
):
    """DNS rebinding: what was looked at is what is connected to."""
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    asked = resolve(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    send()

    assert len(asked) == 1
    assert reached == ["93.184.216.34"]


def test_plain_http_goes_into_allowed_networks_alone(ann, clock, settings, monkeypatch, reached):
    settings.WEBHOOK_ALLOWED_NETWORKS = (ip_network("10.1.0.0/16"),)
    channel, _ = destinations.add(
        ann, "webhook", name="", target="http://in.example.com/", actor=ACTOR, now=clock()
    )
    for address, tried in (("93.184.216.34", []), ("10.1.2.3", ["10.1.2.3"])):
        resolve(monkeypatch, [address])
        told = destinations.test(channel, now=clock())
        delivery.deliver(told.pk, clock=clock)
        assert reached == tried


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "example.com", "https://", "//example.com/",
        "https://user:password@example.com/", "https://a@example.com/", "https://exa mple.com/",
        "https://example.com:99999/", "https://example.com/a b", "https://example.com/\r\nX: y",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://10.0.0.1/",
        "https://a..b/", "javascript:alert(1)", "https://example.com/" + "x" * 500,
    ],
)  # fmt: skip
def test_addresses_that_are_refused_at_once(url):
    with pytest.raises(Invalid) as refused:
        checked_url(url)
    assert refused.value.field == "target"


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("HTTPS://Example.com", "https://example.com/"),
        ("https://example.com:8443/a?b=c#d", "https://example.com:8443/a?b=c"),
        ("https://пример.рф/x", "https://xn--e1afmkfd.xn--p1ai/x"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
    ],
)
def test_addresses_that_are_taken(url, stored):
    assert checked_url(url) == stored


def test_names_that_only_look_like_names_are_resolved_and_found(
    ann, clock, settings, reached, monkeypatch
):
    """0x7f.1 and 2130706433 are 127.0.0.1 to every resolver."""
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    for target in ("https://0x7f.1/", "https://2130706433/", "https://localhost/"):
        channel, _ = destinations.add(
            ann, "webhook", name="", target=target, actor=ACTOR, now=clock.pass_by(60)
        )
        told = destinations.test(channel, now=clock())
        delivery.deliver(told.pk, clock=clock)
        told.refresh_from_db()
        assert "not open to the panel" in told.error, target
    assert reached == []


def test_no_proxy_of_the_environment_is_used(send, receiver, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert send().status == "sent"


def test_no_secret_reaches_a_log_or_a_row(send, hook, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    receiver.status = 500
    receiver.body = f"{hook[1]} at /in/t0ken?x=1 and t0ken".encode()
    told = send()

    channel, key = hook
    rows = str([vars(entry) for entry in AuditEntry.objects.all()]) + str(vars(told))
    for secret in (key, "t0ken"):
        assert secret not in caplog.text
        assert secret not in rows
    channel.refresh_from_db()
    assert key not in channel.secret, "it is sealed"
    assert destinations.secret_of(channel) == key


def test_a_new_key_is_used_at_once(send, hook, receiver, clock):
    channel, old = hook
    new = destinations.rotate_secret(channel, actor=ACTOR, now=clock())
    send()

    [(_, headers, body)] = receiver.asked
    signed = f"{headers['X-Event-Timestamp']}.".encode() + body
    assert new != old
    assert headers["X-Event-Signature"].endswith(
        hmac.new(new.encode(), signed, sha256).hexdigest()
    )


def test_the_documented_check_knows_ours_and_no_others(send, hook, receiver, clock):
    """The example of docs/alerts.md, as it stands there."""
    text = (ROOT / "docs/alerts.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    is_genuine = names["is_genuine"]
    send()

    [(_, headers, body)] = receiver.asked
    key, now = hook[1], clock.seconds
    assert is_genuine(key, headers, body, now)
    assert not is_genuine(key, headers, body + b" ", now)
    assert not is_genuine(key + "x", headers, body, now)
    assert not is_genuine(key, headers, body, now + 301)
    assert not is_genuine(key, {**headers, "X-Event-Timestamp": str(int(now) + 1)}, body, now)


def test_the_documented_fields_are_those_that_are_sent(send, receiver, server, alice, ann, clock):
    ownership.assign([server], ann, actor=SYSTEM, now=clock())
    alert = Alert.objects.create(
        server=server, owner=ann, metric="cpu", severity="warning", threshold=0.9,
        condition="greater_than", since=clock(), fired_at=clock(),
    )  # fmt: skip
    theirs = Alert.objects.create(
        server=server, owner=alice, metric="memory", severity="warning", threshold=0.9,
        condition="greater_than", since=clock(), fired_at=clock(),
    )  # fmt: skip
    send(alerts=[alert, theirs])

    text = (ROOT / "docs/alerts.md").read_text()
    [example] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    documented, said = json.loads(example), json.loads(receiver.asked[0][2])
    assert set(said) == set(documented)
    [only] = said["alerts"]
    assert only["id"] == alert.pk, "nobody else's"
    assert set(only) == set(documented["alerts"][0])
