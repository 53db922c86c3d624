import logging

import pytest

from panel.logs import RedactSecrets, redact

CANARY = "s3cr3t-c4n4ry"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: PVEAPIToken=panel@pve!panel={CANARY}",
        f"{{'username': 'root', 'password': '{CANARY}'}}",
        f'{{"password": "{CANARY}"}}',
        f"cipassword={CANARY}&x=1",
        f"secret: {CANARY}",
        f"?token={CANARY}",
        f"ticket PVE:panel@pve:6AFFB9E1::{CANARY.replace('-', '')}",
        f"ticket PVEVNC:root@pam:6AFFB9E1::{CANARY.replace('-', '')}",
        f"Bearer eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}",
    ],
)
def test_no_secret_gets_through(text):
    cleaned = redact(text)
    assert CANARY not in cleaned
    assert CANARY.replace("-", "") not in cleaned
    assert "[redacted]" in cleaned


@pytest.mark.parametrize(
    "text", ["The password was changed.", "3 tokens", "GET /api/v1/auth/token/ 200"]
)
def test_harmless_words_stay(text):
    assert redact(text) == text


def record(*args, message="%s", error=None):
    made = logging.LogRecord("x", logging.INFO, "f", 1, message, args, error)
    assert RedactSecrets().filter(made)
    return made


def test_arguments_are_cleaned():
    assert CANARY not in record(f"password={CANARY}").getMessage()


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("password=%s", (CANARY, CANARY)),
        ("%s and %s", (CANARY,)),
        ("%d", (CANARY,)),
        ("100%!", (CANARY,)),
        ("%(name)s", ({"password": CANARY},)),
    ],
)
def test_a_bad_log_call_breaks_nobody(message, arguments):
    text = record(*arguments, message=message).getMessage()
    assert CANARY not in text
    assert text


def test_tracebacks_are_cleaned():
    try:
        raise ValueError(f"password={CANARY}")
    except ValueError as error:
        made = record("oops", error=(type(error), error, error.__traceback__))
    assert CANARY not in logging.Formatter().format(made)


def test_every_handler_of_ours_has_the_net(settings):
    assert all("secrets" in h["filters"] for h in settings.LOGGING["handlers"].values())


@pytest.mark.parametrize("name", ["proxmoxer", "proxmoxer.core"])
def test_proxmoxer_is_pinned(settings, name):
    assert settings.LOGGING["loggers"][name]["level"] == "WARNING"
