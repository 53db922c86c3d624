"""manage.py seed_demo: people, the simulated cluster and a made-up week, for `make run`."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from monitoring import cycle, look
from panel import demo
from servers.proxmox.errors import ProxmoxError
from servers.registration import NotRegistered


class Command(BaseCommand):
    help = (
        "Seeds the embedded database with demo people and servers. Run twice, it changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--simulator-url", help="https://127.0.0.1:18006; only people without")
        parser.add_argument("--state-dir", type=Path, default=settings.VAR_DIR / "simulator")

    def handle(self, *args: object, **options: object) -> None:
        try:
            demo.seed_people()
            if options["simulator_url"]:
                self.seed_servers(str(options["simulator_url"]), Path(str(options["state_dir"])))
        except (demo.NotTheDemo, NotRegistered, ProxmoxError, OSError) as error:
            raise CommandError(str(error)) from error

    def seed_servers(self, address: str, state: Path) -> None:
        now = datetime.now(UTC)
        cluster = demo.seed_cluster(address, state, now=now)
        cycle.poll(cluster.pk, clock=cycle.now_utc)
        look.look_into(cluster.pk, clock=cycle.now_utc)
        demo.share_out(cluster, now=now)
        if not demo.has_history(now):
            demo.seed_rule(now=now)
            # The first look learns who the guests are, the second what their disks hold.
            look.look_into(cluster.pk, clock=cycle.now_utc)
            made = demo.seed_history(cluster, now=now)
            self.stdout.write(f"A week of {made} made-up samples stands before the real ones.")
