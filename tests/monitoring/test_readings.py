import pytest

from monitoring.readings import Counters, DiskUse, read
from servers.proxmox.types import Guest

NOW = 1_795_176_000
RUNNING = {
    "type": "qemu", "vmid": 101, "node": "pve1", "status": "running", "name": "web1",
    "cpu": 0.25, "maxcpu": 2, "mem": 300, "maxmem": 1000, "memhost": 300, "disk": 0,
    "maxdisk": 5000, "netin": 4000, "netout": 2000, "diskread": 900, "diskwrite": 60,
    "uptime": 130,
}  # fmt: skip
BEFORE = Counters("pve1", 100, NOW - 31, 1000, 500, 300, 0)


def reading(previous=BEFORE, *, node_online=True, agent=None, now=NOW, **fields):
    guest = Guest(**{**RUNNING, **fields})
    return read(guest, previous, node_online=node_online, disk=agent, now=now)


def test_it_works():
    result = reading()
    assert result.status == "running"
    assert result.measured.cpu == 0.25
    assert result.measured.memory_used == 300
    assert result.counters == Counters("pve1", 130, NOW, 4000, 2000, 900, 60, (1000, 5000))
    assert not result.restarted


def test_rates_are_taken_over_the_uptime_that_passed_not_over_our_clock():
    measured = reading().measured
    assert measured.network_in == (4000 - 1000) / 30
    assert measured.network_out == (2000 - 500) / 30
    assert measured.disk_read == (900 - 300) / 30
    assert measured.disk_write == 60 / 30


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "stopped", "uptime": 0}, "stopped"),
        ({"status": "stopped", "uptime": 0, "lock": "suspended"}, "suspended"),
        ({"status": "paused"}, "paused"),
        ({"status": "unknown", "uptime": None, "cpu": None, "mem": None}, "unknown"),
        ({"status": "prelaunch"}, "unknown"),
        ({"status": "running", "uptime": None}, "running"),
        ({"status": "running", "uptime": -5}, "running"),
    ],
)
def test_nothing_is_stored_of_a_guest_that_measures_nothing(fields, status):
    result = reading(**fields)
    assert result.status == status
    assert result.measured is None


def test_a_guest_on_a_dead_node_is_unknown_though_proxmox_still_says_running():
    result = reading(node_online=False)
    assert result.status == "unknown"
    assert result.measured is None
    assert result.counters == BEFORE


@pytest.mark.parametrize(("age", "status"), [(30, "running"), (60, "running"), (61, "unknown")])
def test_uptime_that_stands_still_is_no_fresh_number_and_after_a_minute_unknown(age, status):
    previous = BEFORE._replace(uptime=130, moved_at=NOW - age)
    result = reading(previous)
    assert result.status == status
    assert result.measured is None
    assert result.counters == previous


@pytest.mark.parametrize(
    "previous",
    [
        None,
        BEFORE._replace(node="pve2"),
        BEFORE._replace(uptime=99_999),
        BEFORE._replace(moved_at=NOW - 301),
    ],
    ids=["first", "migrated", "restarted", "long ago"],
)
def test_no_rate_across_a_beginning(previous):
    measured = reading(previous).measured
    assert (measured.network_in, measured.disk_write) == (None, None)
    assert measured.cpu == 0.25


def test_a_restart_is_noticed():
    assert reading(BEFORE._replace(uptime=99_999)).restarted


def test_one_counter_that_began_anew_voids_its_own_rate_alone():
    measured = reading(BEFORE._replace(netin=9_999_999)).measured
    assert measured.network_in is None
    assert measured.network_out == (2000 - 500) / 30


@pytest.mark.parametrize("cpu", [None, -0.1, float("nan"), float("inf")])
def test_a_cpu_that_is_no_fraction_is_not_known(cpu):
    assert reading(cpu=cpu).measured.cpu is None


def test_cpu_may_exceed_one_and_is_left_so():
    assert reading(cpu=1.07).measured.cpu == 1.07


class TestDisk:
    def test_a_vm_without_a_word_from_its_agent_is_not_known_never_zero(self):
        measured = reading().measured
        assert measured.disk_used is None
        assert measured.disk_total == 5000
        assert measured.disk_source == ""

    def test_a_vm_with_one(self):
        measured = reading(agent=DiskUse(700, 4800, NOW - 60)).measured
        assert (measured.disk_used, measured.disk_total) == (700, 4800)
        assert measured.disk_source == "agent"

    @pytest.mark.parametrize("age", [901, -1])
    def test_an_old_word_and_one_from_the_future_do_not_count(self, age):
        assert reading(agent=DiskUse(700, 4800, NOW - age)).measured.disk_used is None

    def test_a_container_is_seen_by_its_host(self):
        measured = reading(type="lxc", disk=123).measured
        assert measured.disk_used == 123
        assert measured.disk_source == "host"

    def test_no_container_is_empty_so_zero_is_not_known(self):
        assert reading(type="lxc", disk=0).measured.disk_used is None


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"memhost": 300}, "host"),
        ({"memhost": None}, "host"),
        ({"memhost": 420}, "guest"),
        ({"memhost": 420, "type": "lxc"}, "host"),
    ],
)
def test_who_told_the_memory(fields, source):
    assert reading(**fields).measured.memory_source == source
