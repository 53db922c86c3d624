"""manage.py check_cluster: ask registered clusters again what add_cluster asked."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from servers import registration
from servers.models import Cluster
from servers.proxmox.errors import ProxmoxError
from servers.proxmox.privileges import Purpose
from servers.proxmox.types import Endpoint
from servers.registration import Credentials
from servers.wording import describe


class Command(BaseCommand):
    help = "Asks registered clusters for their version and what our tokens may do there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="*", help="only these; all without a name")

    def handle(self, *args: object, **options: object) -> None:
        clusters = Cluster.objects.prefetch_related("tokens", "endpoints")
        names = options["name"]
        if isinstance(names, list) and names:
            clusters = clusters.filter(name__in=names)
        if not clusters:
            raise CommandError("There is no such cluster. manage.py add_cluster registers one.")
        failed = [cluster.name for cluster in clusters if not self.is_in_order(cluster)]
        if failed:
            raise CommandError("Not in order: " + ", ".join(failed))

    def is_in_order(self, cluster: Cluster) -> bool:
        self.stdout.write(self.style.MIGRATE_HEADING(cluster.name))
        tokens = {
            Purpose(token.purpose): Credentials(token.token_id, token.secret)
            for token in cluster.tokens.all()
        }
        endpoints = tuple(
            Endpoint(endpoint.host, endpoint.port, endpoint.fingerprint)
            for endpoint in cluster.endpoints.all()
        )
        if any(token.is_lost for token in cluster.tokens.all()):
            self.stdout.write("A stored secret cannot be decrypted with ENCRYPTION_KEYS.")
            return False
        if Purpose.READ not in tokens or not endpoints:
            self.stdout.write("It has no read token or no endpoint yet.")
            return False
        try:
            examination = registration.examine(endpoints, cluster.ca_pem, tokens)
        except ProxmoxError as error:
            self.stdout.write(self.style.ERROR(str(error)))
            return False
        for line in describe(examination):
            self.stdout.write(line)
        Cluster.objects.filter(pk=cluster.pk).update(
            version=examination.version.release,
            missing_privileges=examination.missing_privileges(),
            next_cycle_at=None,
        )
        return not examination.findings[0].sees_nothing
