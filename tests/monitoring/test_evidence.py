import pytest

from monitoring import samples
from monitoring.evidence import measured, samples_of
from monitoring.models import Size

NOW = 1_795_000_000
GB = 1024**3


def about(fraction):
    """Bytes are kept in four."""
    return pytest.approx(fraction, rel=1e-5)


def store(rows, *, server=7):
    """`rows`: (seconds after NOW, cpu, memory_used, disk_used)."""
    samples.insert(
        "monitoring_sample",
        "server_id, taken_at, cpu, memory_used, disk_used",
        [f"({server},{NOW + at},{','.join(map(samples.number, values))})" for at, *values in rows],
        "",
    )


@pytest.fixture
def sized(server):
    """Sizes of a server: 4 GiB of memory, 8 GiB a minute later."""
    Size.objects.filter(server=server).delete()
    for at, memory in ((NOW, 4 * GB), (NOW + 60, 8 * GB)):
        Size.objects.create(server=server, since=at, memory_total=memory, disk_total=16 * GB)
    return server


@pytest.mark.django_db
class TestSamples:
    def test_a_value_as_it_was_measured(self):
        store([(0, 0.5, 1, 1), (30, 0.25, 1, 1)])
        assert samples_of(7, "cpu", NOW, NOW + 60) == [(NOW, 0.5), (NOW + 30, 0.25)]

    def test_the_end_is_not_in_it(self):
        store([(0, 0.5, 1, 1), (30, 0.25, 1, 1)])
        assert samples_of(7, "cpu", NOW, NOW + 30) == [(NOW, 0.5)]

    def test_of_this_server_alone(self):
        store([(0, 0.5, 1, 1)], server=8)
        assert samples_of(7, "cpu", NOW, NOW + 60) == []

    def test_what_was_not_measured_is_none(self):
        store([(0, None, 1, 1)])
        assert samples_of(7, "cpu", NOW, NOW + 60) == [(NOW, None)]

    def test_a_gap_is_one_point_a_cycle_after_the_last_sample(self):
        store([(0, 0.5, 1, 1), (600, 0.25, 1, 1)])
        assert samples_of(7, "cpu", NOW, NOW + 900) == [
            (NOW, 0.5), (NOW + 30, None), (NOW + 600, 0.25)
        ]  # fmt: skip

    def test_a_cycle_that_was_late_is_no_gap(self):
        store([(0, 0.5, 1, 1), (45, 0.25, 1, 1)])
        assert len(samples_of(7, "cpu", NOW, NOW + 900)) == 2

    def test_the_samples_alone(self):
        store([(0, 0.5, 1, 1), (600, 0.25, 1, 1)])
        assert measured(7, "cpu", NOW, NOW + 900) == [(NOW, 0.5), (NOW + 600, 0.25)]

    @pytest.mark.parametrize("metric", ["state", "snapshot_age", "disk_full_in"])
    def test_what_no_sample_holds(self, metric):
        store([(0, 0.5, 1, 1)])
        assert samples_of(7, metric, NOW, NOW + 60) == []

    def test_of_one_file_system_nothing_is_kept(self):
        store([(0, 0.5, 1, 1)])
        assert samples_of(7, "disk", NOW, NOW + 60, mountpoint="/var") == []


@pytest.mark.django_db
class TestFractions:
    def test_of_the_size_it_had_at_that_time(self, sized):
        store([(0, 0, 3 * GB, 1), (60, 0, 3 * GB, 1)], server=sized.pk)
        assert samples_of(sized.pk, "memory", NOW, NOW + 90) == [
            (NOW, about(0.75)), (NOW + 30, None), (NOW + 60, about(0.375))
        ]  # fmt: skip

    def test_before_a_size_was_known_of_the_first_one(self, sized):
        store([(-60, 0, 2 * GB, 1)], server=sized.pk)
        assert samples_of(sized.pk, "memory", NOW - 90, NOW + 1) == [(NOW - 60, about(0.5))]

    def test_of_the_disk(self, sized):
        store([(0, 0, 1, 12 * GB)], server=sized.pk)
        assert samples_of(sized.pk, "disk", NOW, NOW + 30) == [(NOW, about(0.75))]

    def test_a_size_that_changed_between_two_samples_twice(self, sized):
        Size.objects.create(server=sized, since=NOW + 90, memory_total=16 * GB, disk_total=GB)
        store([(0, 0, 4 * GB, 1), (120, 0, 4 * GB, 1)], server=sized.pk)
        found = samples_of(sized.pk, "memory", NOW, NOW + 200)
        assert found[-1] == (NOW + 120, about(0.25))

    def test_without_a_size_there_is_no_fraction(self):
        store([(0, 0, GB, GB)])
        assert samples_of(7, "memory", NOW, NOW + 30) == [(NOW, None)]

    def test_a_size_that_is_not_known_gives_none(self, server):
        Size.objects.filter(server=server).delete()
        Size.objects.create(server=server, since=NOW, memory_total=None, disk_total=0)
        store([(0, 0, GB, GB)], server=server.pk)
        assert samples_of(server.pk, "memory", NOW, NOW + 30) == [(NOW, None)]
        assert samples_of(server.pk, "disk", NOW, NOW + 30) == [(NOW, None)]


@pytest.mark.django_db
def test_it_is_one_read_of_the_history(django_assert_num_queries):
    """Of rows and of packs."""
    with django_assert_num_queries(2):
        samples_of(7, "cpu", NOW, NOW + 7 * 86400)
    with django_assert_num_queries(3):
        samples_of(7, "memory", NOW, NOW + 7 * 86400)
