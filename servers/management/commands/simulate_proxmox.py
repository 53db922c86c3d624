"""`manage.py simulate_proxmox`: a Proxmox VE of our own, for the demo."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from servers.simulator import certificates, https, state
from servers.simulator.world import SimulatedCluster

_GUESTS_PER_NODE = 400
_REFUSAL_DELAY = 3.0


class Command(BaseCommand):
    help = "Run a simulated Proxmox VE cluster over TLS, until interrupted."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=18006)
        parser.add_argument("--nodes", type=int, default=3)
        parser.add_argument("--guests", type=int, default=36)
        parser.add_argument("--seed", type=int, default=1, help="another seed, another cluster")
        parser.add_argument(
            "--state-dir", type=Path, help="where the CA, the tokens and the age of the world are"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["state_dir"] or settings.VAR_DIR / "simulator"
        host, port, guests = options["host"], options["port"], options["guests"]
        cluster = SimulatedCluster(
            seed=options["seed"],
            nodes=max(options["nodes"], guests // _GUESTS_PER_NODE),
            guests=guests,
            started_at=state.beginning(folder, time.time()),
            refusal_delay=_REFUSAL_DELAY,
        )
        tokens = state.share_tokens(cluster.access, folder)
        certificate = certificates.ensure(folder)

        def announce(port: int) -> None:
            self.stdout.write(
                f"Simulated Proxmox VE on https://{host}:{port}, {len(cluster.nodes)} nodes, "
                f"{guests} guests; CA {certificate.ca}, tokens {tokens}"
            )
            self.stdout.flush()

        try:
            https.serve(cluster, certificate, host=host, port=port, ready=announce)
        except https.PortTaken as error:
            raise CommandError(f"Cannot listen: {error}. Choose another with --port.") from error
