"""Workers that have too much to do: messages do not pile up, and mails do not wait behind cycles."""

import os
import queue
import time

from celery.contrib.testing.worker import start_worker

from monitoring import cycle, tasks
from panel.celery import app


def test_each_message_of_a_cycle_is_worth_an_interval(polled, sent, settings):
    tasks.start_cycles()
    assert [message.name for message in sent] == ["monitoring.poll_cluster"]
    assert sent[0].options["expires"] == settings.POLL_INTERVAL
    entry = settings.CELERY_BEAT_SCHEDULE["start cycles"]
    assert entry["options"]["expires"] == settings.POLL_INTERVAL


def test_what_waited_longer_is_dropped_unread(redis_server, monkeypatch):
    polled = queue.Queue()
    monkeypatch.setattr(cycle, "poll", lambda cluster_id, clock: polled.put(cluster_id))
    place = f"poll-{os.getpid()}"
    for _ in range(50):
        tasks.poll_cluster.apply_async(kwargs={"cluster_id": 1}, queue=place, expires=0.1)
    time.sleep(0.2)
    tasks.poll_cluster.apply_async(kwargs={"cluster_id": 2}, queue=place)
    with start_worker(app, pool="solo", perform_ping_check=False, queues=[place]):
        # They come one after the other.
        assert polled.get(timeout=20) == 2
    assert polled.empty()


def test_mails_and_actions_have_queues_of_their_own(settings):
    routes = {name: route["queue"] for name, route in settings.CELERY_TASK_ROUTES.items()}
    slow = {routes["monitoring.poll_cluster"], routes["monitoring.look_into_guests"]}
    assert routes["alerts.deliver"] not in slow
    assert routes["servers.run_action"] not in slow
    assert len(slow) == 2
