import json
import time
from dataclasses import replace

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.models import User
from alerts.models import Alert, AlertRule
from monitoring import cycle, packer
from monitoring.models import Sample
from panel import demo
from servers.models import Cluster, Server

pytestmark = pytest.mark.django_db

embedded = pytest.mark.skipif(
    not settings.EMBEDDED, reason="the demo is for the embedded SQLite alone; refusing is tested"
)


@pytest.fixture
def state(tmp_path, credentials):
    """What simulate_proxmox leaves behind."""
    from servers.simulator import certificates

    ca = certificates.ensure(tmp_path).ca
    assert ca.name == "ca.pem"
    token = {"token_id": credentials.token_id, "secret": credentials.secret}
    (tmp_path / "token.json").write_text(json.dumps(token))
    return tmp_path


@pytest.fixture
def seed(state, wire):
    return lambda: call_command(
        "seed_demo", "--simulator-url=https://127.0.0.1:18006", f"--state-dir={state}", verbosity=0
    )


def test_refused_in_any_other_database(settings):
    settings.EMBEDDED = False
    with pytest.raises(CommandError, match="embedded SQLite alone"):
        call_command("seed_demo")
    assert not User.objects.exists()


@embedded
class TestSeeding:
    def test_people(self, client):
        call_command("seed_demo", verbosity=0)
        assert set(User.objects.values_list("email", "is_staff")) == {
            ("staff@example.com", True),
            ("support@example.com", True),
            ("alice@example.com", False),
            ("bob@example.com", False),
        }
        body = {"username": "staff@example.com", "password": "demo"}
        assert client.post("/sign-in/", body).status_code == 302

    def test_servers_owners_and_a_week_of_history(self, seed, clock):
        clock.seconds = time.time()
        seed()
        assert Cluster.objects.get().name == "demo"
        owners = set(Server.objects.values_list("owner__email", flat=True))
        assert owners == {"alice@example.com", "bob@example.com", None}
        server = Server.objects.filter(last_sample__isnull=False).first()
        assert Sample.objects.filter(server_id=server.pk).count() > 2000

    def test_a_rule_by_which_something_fires_soon(self, seed, clock, world):
        clock.seconds = time.time()
        world.guests[100].name = demo.NEARLY_FULL
        world.guests[100].rhythm = replace(world.guests[100].rhythm, disk_level=0.93)
        seed()
        rule = AlertRule.objects.get(owner__email="alice@example.com")
        assert rule.server.name == demo.NEARLY_FULL
        cycle.poll(Cluster.objects.get().pk, clock=lambda: clock.pass_by(60))
        assert Alert.objects.firing().filter(rule=rule).exists()

    def test_twice_changes_nothing(self, seed, clock):
        clock.seconds = time.time()
        seed()
        owner = User.objects.get(email="bob@example.com")
        Server.objects.update(owner=owner)
        User.objects.filter(email="alice@example.com").update(first_name="Alice")
        before = (User.objects.count(), Cluster.objects.count(), Server.objects.count())
        samples = Sample.objects.count()
        seed()
        after = (User.objects.count(), Cluster.objects.count(), Server.objects.count())
        assert before == after
        assert set(Server.objects.values_list("owner", flat=True)) == {owner.pk}
        assert Sample.objects.count() - samples <= Server.objects.count()
        assert User.objects.get(email="alice@example.com").first_name == "Alice"


@embedded
def test_a_second_start_knows_the_week_that_was_packed(seed, clock):
    clock.seconds = time.time()
    seed()
    made = packer.pack(clock=clock)
    assert made > 20_000
    assert not Sample.objects.filter(taken_at__lt=packer.due_until(clock())).exists()
    seed()
    assert Sample.objects.count() < 2000
    assert demo.has_history(clock())


def test_made_up_values_are_possible_ones(server):
    picture = demo.Picture.of(server, None, {server.pk: 5})
    now = server.last_sample.taken_at
    made = [picture.at(at) for at in range(now - 7 * 86400, now, 3600)]
    assert all(0 < m.cpu <= 1 for m in made)
    assert all(0 < m.memory_used <= m.memory_total for m in made)
