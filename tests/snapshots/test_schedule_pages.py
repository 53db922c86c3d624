"""The page on which people set schedules."""

import re
from datetime import UTC, datetime

import pytest

from snapshots.models import SnapshotSchedule
from tests.pages.reading import text_of

pytestmark = pytest.mark.django_db


class TestSchedules:
    form = {"enabled": "on", "at": "03:30", "time_zone": "Europe/Berlin", "keep": "4"}

    def test_are_set_and_tell_the_next_run(self, page, known):
        known()
        assert page.get("schedules/").status_code == 200
        assert page.post("schedules/daily/", self.form).status_code == 303
        schedule = SnapshotSchedule.objects.get()
        assert (schedule.kind, schedule.hour, schedule.minute, schedule.keep) == (
            "daily", 3, 30, 4,
        )  # fmt: skip
        said = text_of(page.get("schedules/"))
        assert re.search(r"Next run: \w{3} \d+ \w{3} \d{4}, 03:30 \(Europe/Berlin\), in ", said)
        assert "Next by schedule" in text_of(page.get())

    def test_weekly_and_hourly(self, page):
        page.post("schedules/weekly/", {**self.form, "weekday": "6"})
        page.post("schedules/hourly/", {**self.form, "minute": "45", "keep": "2"})
        found = {row.kind: row for row in SnapshotSchedule.objects.all()}
        assert found["weekly"].weekday == 6
        assert (found["hourly"].minute, found["hourly"].enabled) == (45, True)

    @pytest.mark.parametrize(
        "wrong",
        [{"at": "25:00"}, {"time_zone": "Moon/Sea"}, {"keep": "0"}, {"keep": "10"}, {"at": ""}],
        ids=str,
    )
    def test_what_is_wrong_is_said_and_what_was_typed_stays(self, wrong, page):
        answer = page.post("schedules/daily/", {**self.form, **wrong})
        assert answer.status_code == 400
        html = answer.content.decode()
        assert "It was not saved." in html
        assert 'aria-invalid="true"' in html
        assert wrong.get("keep", "4") in re.findall(r'name="keep" value="(\w+)"', html)
        assert not SnapshotSchedule.objects.exists()

    def test_off_and_removed(self, page):
        page.post("schedules/daily/", self.form)
        page.post("schedules/daily/", {**self.form, "enabled": ""})
        assert "It is off." in text_of(page.get("schedules/"))
        page.post("schedules/daily/", {"remove": "1"})
        assert not SnapshotSchedule.objects.exists()

    def test_a_failure_is_told(self, page, known):
        known()
        page.post("schedules/daily/", self.form)
        SnapshotSchedule.objects.update(
            last_error="The storage is full.", last_run_at=datetime.now(UTC)
        )
        assert "It failed: The storage is full." in text_of(page.get("schedules/"))

    def test_the_zone_of_another_schedule_is_proposed(self, page):
        assert "data-zone" in page.get("schedules/").content.decode()
        page.post("schedules/daily/", self.form)
        html = page.get("schedules/").content.decode()
        assert "data-zone" not in html
        assert html.count("<option selected>Europe/Berlin</option>") == 3

    def test_an_unknown_kind_is_not_there(self, page):
        assert page.post("schedules/yearly/", self.form).status_code == 404
