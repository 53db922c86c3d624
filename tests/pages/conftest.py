"""Servers as pages find them, put straight into the database."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.models import Alert
from monitoring.models import GuestDisk
from servers.models import Action, Cluster, LastSample, Node, Server
from tests.actions.conftest import ask, guest, worker  # noqa: F401 — fixtures

GIB = 2**30


@pytest.fixture
def fresh_cluster(db):
    return Cluster.objects.create(name="fra1", last_cycle_at=datetime.now(UTC))


@pytest.fixture
def make_server(fresh_cluster):
    """A server with a sample of so many seconds ago; `age=None` without one."""
    node, _ = Node.objects.get_or_create(cluster=fresh_cluster, name="pve-hidden-7")

    def make(owner, name="web", *, status="running", kind="qemu", age=5, **sample):
        now = datetime.now(UTC)
        server = Server.objects.create(
            cluster=fresh_cluster,
            node=node,
            kind=kind,
            vmid=100 + Server.objects.count(),
            owner=owner,
            name=name,
            status=status,
            status_since=now - timedelta(hours=1),
            cpus=2,
        )
        if age is not None:
            values = {
                "cpu": 0.12,
                "memory_used": 3 * GIB,
                "memory_total": 8 * GIB,
                "disk_used": 10 * GIB,
                "disk_total": 40 * GIB,
                "network_in": 1_200_000.0,
                "network_out": 300.0,
                "disk_read": 0.0,
                "disk_write": 0.0,
                "uptime": 3 * 86400 + 4 * 3600,
                "memory_source": "host",
                "disk_source": "agent",
                **sample,
            }
            taken_at = int(now.timestamp()) - age
            LastSample.objects.create(server=server, taken_at=taken_at, **values)
        return server

    return make


@pytest.fixture
def tell_disk():
    """What the guest agent is known to have said, or why it said nothing."""

    def tell(server, state, message="", file_systems=()):
        return GuestDisk.objects.create(
            server=server,
            state=state,
            message=message,
            file_systems=list(file_systems),
            measured_at=int(datetime.now(UTC).timestamp()) - 60,
            next_look_at=0,
        )

    return tell


@pytest.fixture
def make_action():
    """An action as the database has it; `ended` so many seconds ago, or not at all."""

    def make(server, type="start", *, ended=None, person=None, by_staff=False, **fields):
        now = datetime.now(UTC)
        finished_at = None if ended is None else now - timedelta(seconds=ended)
        status = Action.Status.RUNNING if ended is None else Action.Status.SUCCESS
        return Action.objects.create(
            server=server,
            type=type,
            step=type,
            source="web",
            requested_by=person,
            requested_by_email=person.email if person else "",
            by_staff=by_staff,
            requested_at=(finished_at or now) - timedelta(seconds=12),
            started_at=now,
            finished_at=finished_at,
            deadline=now + timedelta(seconds=300),
            active=True if ended is None else None,
            **{"status": status, **fields},
        )

    return make


@pytest.fixture
def make_alert():
    """An alert as the database has it, that fired so many minutes ago; `ended` ones are over."""

    def make(server, *, minutes=5, ended=False, **fields):
        now = datetime.now(UTC)
        fired_at = now - timedelta(minutes=minutes)
        return Alert.objects.create(
            server=server,
            owner=fields.pop("owner", server.owner),
            fired_at=fired_at,
            since=fired_at - timedelta(minutes=10),
            active=None if ended else True,
            ended_at=now if ended else None,
            end_reason="recovered" if ended else "",
            **{
                "metric": "cpu",
                "severity": "warning",
                "condition": "greater_than",
                "threshold": 0.9,
                "duration": 600,
                "value": 0.97,
                **fields,
            },
        )

    return make
