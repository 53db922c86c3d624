import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring import sparklines
from monitoring.models import Sample
from servers.models import Server

PATH = "/servers/sparklines/"


def test_an_hour_in_steps_the_last_of_which_is_the_present_one():
    wanted = sparklines.window(1_000_000_001, interval=30)
    assert (wanted.step, wanted.points) == (120, 30)
    assert wanted.start % 120 == 0
    assert wanted.end - 120 <= 1_000_000_001 < wanted.end


@pytest.mark.parametrize(("interval", "step"), [(2, 120), (60, 120), (300, 600), (7200, 14400)])
def test_a_step_holds_two_samples_however_rarely_they_come(interval, step):
    wanted = sparklines.window(1_000_000_001, interval=interval)
    assert wanted.step == step
    assert wanted.points >= 1


@pytest.mark.django_db
class TestLines:
    def test_averages_and_gaps(self):
        wanted = sparklines.Window(start=1200, step=120, points=4)
        for server, at, cpu in ((1, 1200, 0.1), (1, 1319, 0.3), (1, 1440, None), (1, 1679, 0.5),
                                (1, 1680, 0.9), (1, 1199, 0.9), (2, 1320, 0.7), (3, 1320, 1.0)):  # fmt: skip
            Sample.objects.create(server_id=server, taken_at=at, cpu=cpu)
        assert sparklines.cpu_lines([1, 2, 4], wanted) == {
            1: [0.2, None, None, 0.5],
            2: [None, 0.7, None, None],
            4: [None] * 4,
        }

    def test_one_read_for_all(self):
        """Of rows and of packs."""
        wanted = sparklines.present(int(time.time()))
        with CaptureQueriesContext(connection) as captured:
            sparklines.cpu_lines(range(1, 101), wanted)
        assert len(captured) == 2
        with CaptureQueriesContext(connection) as captured:
            assert sparklines.cpu_lines([], wanted) == {}
        assert len(captured) == 0

    def test_only_of_those_that_one_may_see(self, browser_of, alice, bob, staff, server):
        other = Server.objects.exclude(pk=server.pk).first()
        query = {"servers": f"{server.pk},{other.pk}"}
        mine = browser_of(alice).get(PATH, query).json()
        assert set(mine["lines"]) == {str(server.pk)}
        assert len(mine["lines"][str(server.pk)]) == 30
        assert browser_of(bob).get(PATH, query).json()["lines"] == {}
        assert len(browser_of(staff).get(PATH, query).json()["lines"]) == 2

    @pytest.mark.parametrize("asked", ["", "x", "1,", "-1", "1;2", "1" * 30, ",".join("1" * 101)])
    def test_what_is_no_list_of_ids_is_refused(self, browser_of, alice, asked):
        answer = browser_of(alice).get(PATH, {"servers": asked})
        assert answer.status_code == 400
        assert "100" in answer.json()["error"]
