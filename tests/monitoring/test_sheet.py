import csv
import time

import pytest

from monitoring import sheet
from monitoring.history import SERIES
from monitoring.models import Sample

START = 1_795_176_000


def series(**values):
    """Of one bucket, then one gap."""
    return {
        name: [(START, *values.get(name, (None, None, None))), (START + 60, None, None, None)]
        for name in SERIES
    }


def lines_of(text):
    return list(csv.DictReader(text.splitlines()))


class TestText:
    def test_headings_have_units_and_times_are_utc(self):
        text = sheet.comma_separated(series(cpu=(0.1234567, 0.1, 1.0), memory_total=(2**30,) * 3))
        first, second = lines_of(text)
        assert first["time_utc"] == "2026-11-20T12:00:00Z"
        assert first["cpu_average_percent"] == "12.346"
        assert first["cpu_maximum_percent"] == "100.000"
        assert first["memory_total_bytes"] == "1073741824"
        assert second == {"time_utc": "2026-11-20T12:01:00Z"} | dict.fromkeys(
            [name for name in second if name != "time_utc"], ""
        )

    def test_every_series_is_there(self):
        headings = [series for _, series, _ in sheet.columns()]
        assert set(headings) == set(SERIES)
        assert len(headings) == 7 * 3 + 2

    def test_no_cell_begins_a_formula(self):
        text = sheet.comma_separated(series(network_in=(-5.0, -5.0, -5.0)))
        assert not any(
            cell.startswith(("=", "+", "@", "\t"))
            for line in text.splitlines()
            for cell in line.split(",")
        )

    def test_rows_in_words_are_newest_first(self):
        newest, oldest = sheet.rows(series(cpu=(0.5, 0.1, 1.0), network_in=(1200.0, 0.0, 9.0)))
        assert (newest.cpu, newest.network_in) == ("", "")
        assert (oldest.cpu, oldest.network_in) == ("50\u00a0%", "1.2\u00a0kB/s")


@pytest.mark.django_db
class TestDownload:
    @pytest.fixture
    def measured(self, server):
        now = int(time.time())
        for ago in range(0, 600, 30):
            Sample.objects.create(server_id=server.pk, taken_at=now - ago, cpu=0.25)
        return server

    def test_a_file_of_the_last_hour(self, browser_of, alice, measured):
        answer = browser_of(alice).get(f"/servers/{measured.pk}/metrics.csv")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"].startswith('attachment; filename="web1-')
        values = [line["cpu_average_percent"] for line in lines_of(answer.content.decode())]
        assert values.count("25.000") > 15
        assert values[0] == ""

    def test_the_window_that_is_asked_for(self, browser_of, alice, measured):
        query = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-01T01:00:00Z", "step": "60"}
        answer = browser_of(alice).get(f"/servers/{measured.pk}/metrics.csv", query)
        lines = lines_of(answer.content.decode())
        assert len(lines) == 60
        assert lines[0]["time_utc"] == "2026-11-01T00:00:00Z"

    @pytest.mark.parametrize(
        "query",
        [
            {"start": "yesterday"},
            {"step": "1", "range": "7d"},
            {"start": "2031-01-01"},
            {"step": "x"},
        ],
    )
    def test_what_makes_no_sense_is_said(self, browser_of, alice, measured, query):
        answer = browser_of(alice).get(f"/servers/{measured.pk}/metrics.csv", query)
        assert answer.status_code == 400
        assert answer["Content-Type"].startswith("text/plain")
        assert answer.content.decode().partition(":")[0] in {"start", "step"}

    def test_a_hostile_name_names_no_file(self, browser_of, alice, measured):
        measured.name = '../=cmd|"x"\r\n.exe'
        measured.save()
        answer = browser_of(alice).get(f"/servers/{measured.pk}/metrics.csv")
        assert answer["Content-Disposition"].split('"')[1].startswith("cmdx-exe-")

    def test_the_api_speaks_it_too(self, api_of, alice, measured):
        path = f"/api/v1/servers/{measured.pk}/metrics/"
        api = api_of(alice)
        asked = api.get(path, headers={"accept": "text/csv"})
        for answer in (asked, api.get(path, {"format": "csv"})):
            assert answer["Content-Type"] == "text/csv; charset=utf-8"
            assert answer.content.startswith(b"time_utc,cpu_average_percent")
        wrong = api.get(path, {"format": "csv", "step": "x"})
        assert (wrong.status_code, wrong["Content-Type"]) == (400, "application/json")
        assert "step" in wrong.json()["error"]["fields"]

    def test_the_page_that_needs_no_chart(self, browser_of, alice, measured):
        answer = browser_of(alice).get(f"/servers/{measured.pk}/metrics/?range=6h")
        assert len(answer.context["rows"]) <= 74
        assert any(row.cpu == "25\u00a0%" for row in answer.context["rows"])
        assert f'href="/servers/{measured.pk}/metrics.csv?range=6h"' in answer.content.decode()

    def test_its_lines_are_no_finer_than_samples(self, browser_of, alice, server, settings):
        settings.POLL_INTERVAL = 300
        now = int(time.time())
        for ago in range(0, 3600, 300):
            Sample.objects.create(server_id=server.pk, taken_at=now - ago, cpu=0.25)
        answer = browser_of(alice).get(f"/servers/{server.pk}/metrics/")
        measured = [row.cpu for row in answer.context["rows"]]
        assert measured.count("") <= 2
        assert len(measured) >= 12
