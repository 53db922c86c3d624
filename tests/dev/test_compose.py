"""docker-compose.yml starts what production needs, and nothing by accident."""

import re
import shutil
from pathlib import Path

import pytest

from dev import ROOT, VENV, compose, programs

SERVICES = {service.name: service for service in compose.services()}
TEXT = compose.FILE.read_text()
DOCUMENT = compose.document()


def queues(service):
    named = [word for word in service.command if word.startswith("--queues=")]
    return named[0].removeprefix("--queues=").split(",") if named else []


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_its_programs_exist(service):
    for words in (service.command, service.healthcheck):
        if words:
            assert (VENV / "bin" / words[0]).exists() or shutil.which(words[0])


def test_each_queue_has_a_worker_of_its_own():
    served = [queue for service in SERVICES.values() for queue in queues(service)]

    assert sorted(served) == sorted(programs.QUEUES.split(","))
    assert queues(SERVICES["worker-poll"]) == ["poll"]
    assert queues(SERVICES["worker-guests"]) == ["guests"]
    assert queues(SERVICES["worker"]) == ["default"]


@pytest.mark.parametrize(
    ("name", "least"), [("worker-poll", 16), ("worker-guests", 4), ("worker-deliver", 4)]
)
def test_what_hangs_leaves_room_for_the_others(name, least):
    words = SERVICES[name].command
    concurrency = next(w for w in words if w.startswith("--concurrency="))

    assert "--pool=threads" in words
    assert int(concurrency.removeprefix("--concurrency=")) >= least


@pytest.mark.parametrize(
    "service", [s for s in SERVICES.values() if queues(s)], ids=lambda s: s.name
)
def test_a_worker_is_asked_how_it_is_by_its_own_name(service):
    hostname = next(w for w in service.command if w.startswith("--hostname="))
    own = hostname.removeprefix("--hostname=").removesuffix("%h")

    assert service.healthcheck[-1].endswith(f"--destination {own}$HOSTNAME")


def test_beat_is_there_once():
    assert [name for name, service in SERVICES.items() if "beat" in service.command] == ["beat"]


def test_only_the_web_server_can_be_reached_and_on_loopback_alone():
    published = {name: s["ports"] for name, s in DOCUMENT["services"].items() if "ports" in s}

    assert published == {"web": ["127.0.0.1:8000:8000"]}


@pytest.mark.parametrize("name", DOCUMENT["services"])
def test_what_goes_on_restarts_and_tells_how_it_is(name):
    service = DOCUMENT["services"][name]

    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert "healthcheck" in service or name == "migrate"


def test_everything_waits_for_the_migrations():
    for name in SERVICES:
        waits_for = DOCUMENT["services"][name]["depends_on"]
        assert waits_for["mariadb"]["condition"] == "service_healthy"
        if name != "migrate":
            assert waits_for["migrate"]["condition"] == "service_completed_successfully"


def test_what_it_asks_of_the_env_file_is_documented():
    told = (ROOT / "docs" / "production.md").read_text()

    for variable in set(re.findall(r"\$\{(\w+)", TEXT)):
        assert f"`{variable}`" in told


def test_each_worker_is_documented():
    told = (ROOT / "docs" / "production.md").read_text()

    for name in (name for name, service in SERVICES.items() if queues(service)):
        assert f"`{name}`" in told


def test_no_secret_stands_in_it_nor_goes_into_the_image():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert {".env", "var", ".git"} <= set(ignored)
    for name in ("SECRET_KEY", "ENCRYPTION_KEYS"):
        assert name not in TEXT
        assert name not in (ROOT / "Dockerfile").read_text()


def test_commands_are_translated_to_this_machine():
    words = ("daphne", "--bind=0.0.0.0", "--port=8000", "/var/lib/panel/beat")

    assert compose.on_this_machine(words, port=9000, var=Path("/srv/v")) == (
        "daphne",
        "--bind=127.0.0.1",
        "--port=9000",
        "/srv/v/beat",
    )
