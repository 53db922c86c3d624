"""What `make run` starts is what the settings need."""

from django.conf import settings

from dev import config, demo, programs
from panel import demo as seeded


def test_every_queue_that_the_settings_name_has_a_worker():
    routes = list(settings.CELERY_TASK_ROUTES.values())
    options = [entry.get("options", {}) for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    named = {place["queue"] for place in [*routes, *options] if "queue" in place}

    assert named | {settings.CELERY_TASK_DEFAULT_QUEUE} <= set(programs.QUEUES.split(","))


def test_no_worker_listens_to_a_queue_that_nothing_goes_to():
    routes = {place["queue"] for place in settings.CELERY_TASK_ROUTES.values()}

    assert set(programs.QUEUES.split(",")) == routes | {settings.CELERY_TASK_DEFAULT_QUEUE}


def test_the_demo_listens_on_loopback_alone():
    command = programs.web(config.parse({})).command

    assert command[command.index("--bind") + 1] == "127.0.0.1"


def test_the_programs_see_the_ports_that_were_chosen():
    env = programs.environment(config.parse({"PANEL_PORT": "9000", "SIMULATOR_PORT": "9001"}))

    assert env["PANEL_PORT"] == "9000"
    assert env["SIMULATOR_PORT"] == "9001"


def test_the_people_that_are_told_are_those_that_are_seeded():
    assert [email for _, email in demo.PEOPLE] == [seeded.STAFF, seeded.SUPPORT, *seeded.CUSTOMERS]
    assert seeded.PASSWORD == demo.PASSWORD
