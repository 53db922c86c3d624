"""Settings, each read in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEY = "hyGcvLZTUAfcYzSHgOjXiXq2F8nrvnSQ8iLNWjf4BBo="
PRODUCTION = {
    "DATABASE_URL": "mysql://root@127.0.0.1:3306/panel",
    "REDIS_URL": "redis://127.0.0.1:6379/5",
    "SECRET_KEY": "k" * 60,
    "ENCRYPTION_KEYS": KEY,
    "PANEL_URL": "https://panel.example.com",
}
ASK = (
    "from django.conf import settings as s; import django;"
    "print(s.EMBEDDED, s.DEBUG, s.ALLOWED_HOSTS, s.SESSION_COOKIE_SECURE, s.POLL_INTERVAL)"
)


HSTS = (
    "from django.conf import settings as s; print(s.SECURE_HSTS_SECONDS,"
    "s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.SECURE_HSTS_PRELOAD)"
)


MAIL = "from django.conf import settings as s; print(s.EMAIL_BACKEND, s.EMAIL_FILE_PATH)"


def read(tmp_path, ask=ASK, **environment):
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}}
    result = subprocess.run(
        [sys.executable, "-c", ask],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **kept, "PANEL_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "panel.settings",
            **environment,
        },
    )  # fmt: skip
    return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


def test_embedded_needs_no_variable(tmp_path):
    said = read(tmp_path)
    assert said == "True False ['127.0.0.1', 'localhost', '[::1]'] False 30"


def test_embedded_keeps_its_secrets(tmp_path):
    read(tmp_path)
    before = (tmp_path / "secrets.json").read_text()
    read(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == before


def test_production(tmp_path):
    assert read(tmp_path, **PRODUCTION) == "False False ['panel.example.com'] True 30"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "31536000 False False"),
        ({"HSTS_SECONDS": "60", "HSTS_INCLUDE_SUBDOMAINS": "1"}, "60 True False"),
        ({"PANEL_URL": "http://panel.example.com"}, "0 False False"),
    ],
)
def test_hsts_holds_for_our_own_host(tmp_path, environment, said):
    assert read(tmp_path, HSTS, **{**PRODUCTION, **environment}) == said


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ENCRYPTION_KEYS", "REDIS_URL"])
def test_production_does_not_start_without(tmp_path, missing):
    environment = {name: value for name, value in PRODUCTION.items() if name != missing}
    said = read(tmp_path, **environment)
    assert "ImproperlyConfigured" in said
    assert missing in said


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"POLL_INTERVAL": "0"}, "POLL_INTERVAL is 0"),
        ({"POLL_INTERVAL": "often"}, "POLL_INTERVAL must be a whole number"),
        ({"RETENTION_DAYS": "-1"}, "RETENTION_DAYS is -1"),
        ({"PANEL_URL": "panel.example.com"}, "PANEL_URL must be like"),
        ({"DATABASE_URL": "postgres://x/y", "SECRET_KEY": "x", "ENCRYPTION_KEYS": KEY},
         "DATABASE_URL must be like mysql://"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL must be like"),
        ({"DATABASE_REPLICA_URL": "mysql://x/y"}, "DATABASE_REPLICA_URL is for a replica"),
        ({"REDIS_URL": "redis+sentinel://x:26379"}, "REDIS_URL must name Sentinel's service"),
        ({"DEFAULT_FROM_EMAIL": "nobody"}, "DEFAULT_FROM_EMAIL"),
        ({"TRUSTED_PROXIES": "many"}, "TRUSTED_PROXIES must be"),
        ({"PANEL_PORT": "70000"}, "PANEL_PORT is 70000"),
        ({"PANEL_URL": "https://x", "HSTS_SECONDS": "-1"}, "HSTS_SECONDS is -1"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_at_once(tmp_path, environment, words):
    said = read(tmp_path, **environment)
    assert "ImproperlyConfigured" in said
    assert words in said


def test_mails_of_the_demo_are_files_in_its_folder(tmp_path):
    backend, folder = read(tmp_path, MAIL).split()
    assert backend.endswith("filebased.EmailBackend")
    assert folder == str(tmp_path / "mail")


def test_mails_go_into_the_folder_that_is_named(tmp_path):
    folder = read(tmp_path, MAIL, EMAIL_URL="filemail:///srv/mails").split()[1]
    assert folder == "/srv/mails"
