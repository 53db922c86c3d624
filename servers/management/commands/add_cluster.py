"""manage.py add_cluster: register a Proxmox VE cluster, checked at once."""

import sys
from argparse import ArgumentParser
from getpass import getpass
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.audit import COMMAND
from servers import registration
from servers.proxmox import tls
from servers.proxmox.errors import CertificateMismatch, ProxmoxDenied, ProxmoxError
from servers.proxmox.privileges import Purpose
from servers.proxmox.types import Endpoint
from servers.registration import Credentials, Examination, NotRegistered
from servers.wording import describe

VARIABLES = {
    Purpose.READ: ("PROXMOX_TOKEN_ID", "PROXMOX_TOKEN_SECRET"),
    Purpose.ACT: ("PROXMOX_ACT_TOKEN_ID", "PROXMOX_ACT_TOKEN_SECRET"),
    Purpose.RESET: ("PROXMOX_RESET_TOKEN_ID", "PROXMOX_RESET_TOKEN_SECRET"),
}


class Command(BaseCommand):
    help = (
        "Registers a Proxmox VE cluster, or changes one of the same name. Version, certificate and "
        "the token's rights are checked first. What is not given is taken from PROXMOX_API_URL, "
        "PROXMOX_TOKEN_ID, PROXMOX_TOKEN_SECRET, PROXMOX_CA and PROXMOX_FINGERPRINT; a secret is "
        "never taken from the command line, where other users of the machine could read it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", help="how staff call it; the first host without it")
        parser.add_argument(
            "--url", action="append", help="https://pve1.example.com:8006; again for each member"
        )
        parser.add_argument("--ca", type=Path, help="PEM file: /etc/pve/pve-root-ca.pem of a node")
        parser.add_argument(
            "--fingerprint",
            action="append",
            help="SHA-256, pins a member's certificate; as often as --url, in the same order",
        )
        parser.add_argument("--token-id", help="panel@pve!panel")
        parser.add_argument("--token-secret-file", type=Path, help="a file with the secret alone")
        parser.add_argument("--act-token-id", help="another token for power, console, snapshots")
        parser.add_argument("--reset-token-id", help="another token for guest passwords")

    def handle(self, *args: object, **options: object) -> None:
        try:
            endpoints = self.endpoints(options)
            ca_pem = self.ca(options)
            tokens = self.tokens(options)
            endpoints, examination = self.examine(endpoints, ca_pem, tokens)
            self.tell(examination)
            if any(finding.sees_nothing for finding in examination.findings[:1]):
                raise CommandError(
                    "Not registered: without VM.Audit the panel would see no guest. Run the lines "
                    "above on a node, then this command again."
                )
            cluster, created = registration.register(
                name=str(options["name"] or endpoints[0].host),
                endpoints=endpoints,
                ca_pem=ca_pem,
                tokens=tokens,
                examination=examination,
                actor=COMMAND,
                now=timezone.now(),
            )
        except NotRegistered as error:
            raise CommandError(str(error)) from error
        done = "is registered" if created else "was registered already and is up to date"
        self.stdout.write(self.style.SUCCESS(f"{cluster.name} {done}."))

    def endpoints(self, options: dict[str, object]) -> tuple[Endpoint, ...]:
        urls = given(options["url"]) or settings.PROXMOX["API_URL"]
        fingerprints = given(options["fingerprint"]) or settings.PROXMOX["FINGERPRINT"]
        if not urls:
            raise CommandError("Where is it? Give --url, or set PROXMOX_API_URL.")
        if len(fingerprints) > len(urls):
            raise CommandError("There are more fingerprints than addresses.")
        padded = [*fingerprints, *[""] * (len(urls) - len(fingerprints))]
        return tuple(map(registration.parse_endpoint, urls, padded))

    def ca(self, options: dict[str, object]) -> str:
        file = options["ca"] or settings.PROXMOX["CA"]
        if not file:
            return ""
        try:
            return registration.check_ca(Path(str(file)).read_text())
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The CA file cannot be read: {error}") from error

    def tokens(self, options: dict[str, object]) -> dict[Purpose, Credentials]:
        tokens: dict[Purpose, Credentials] = {}
        for purpose, option in (
            (Purpose.READ, "token_id"),
            (Purpose.ACT, "act_token_id"),
            (Purpose.RESET, "reset_token_id"),
        ):
            id_name, secret_name = VARIABLES[purpose]
            token_id = str(options[option] or settings.PROXMOX[id_name.removeprefix("PROXMOX_")])
            if token_id:
                file = options["token_secret_file"] if purpose is Purpose.READ else None
                secret = self.secret(secret_name, token_id, file)
                tokens[purpose] = registration.check_credentials(Credentials(token_id, secret))
        if Purpose.READ not in tokens:
            raise CommandError("With which token? Give --token-id, or set PROXMOX_TOKEN_ID.")
        return tokens

    def secret(self, variable: str, token_id: str, file: object) -> str:
        if file:
            try:
                return Path(str(file)).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"The secret's file cannot be read: {error}") from error
        value: str = settings.PROXMOX[variable.removeprefix("PROXMOX_")]
        if not value and sys.stdin.isatty():
            value = getpass(f"Secret of {token_id}: ")
        if not value:
            raise CommandError(f"The secret of {token_id} is missing: set {variable}.")
        return value.strip()

    def examine(
        self,
        endpoints: tuple[Endpoint, ...],
        ca_pem: str,
        tokens: dict[Purpose, Credentials],
    ) -> tuple[tuple[Endpoint, ...], Examination]:
        try:
            return endpoints, registration.examine(endpoints, ca_pem, tokens)
        except CertificateMismatch as error:
            pinned = self.offer_to_pin(endpoints, str(error))
        except ProxmoxDenied as error:
            raise CommandError(
                f"{error} Is the token ID complete, with user, realm and name, and the secret the "
                "one that was shown when the token was made?"
            ) from error
        except ProxmoxError as error:
            raise CommandError(str(error)) from error
        return self.examine(pinned, ca_pem, tokens)

    def offer_to_pin(self, endpoints: tuple[Endpoint, ...], why: str) -> tuple[Endpoint, ...]:
        """Shows the fingerprints; they are pinned when somebody at the keyboard says so."""
        self.stderr.write(why)
        if any(endpoint.fingerprint for endpoint in endpoints):
            raise CommandError(
                "If the certificate was renewed, give the new --fingerprint. If not, somebody may "
                "stand between the panel and Proxmox."
            )
        shown: list[Endpoint] = []
        for endpoint in endpoints:
            try:
                fingerprint = tls.shown_fingerprint(endpoint)
            except ProxmoxError as error:
                raise CommandError(str(error)) from error
            self.stderr.write(f"{endpoint} shows the fingerprint\n  {fingerprint}")
            shown.append(Endpoint(endpoint.host, endpoint.port, fingerprint))
        self.stderr.write(
            "Compare with the node's System > Certificates, or: openssl x509 -noout -fingerprint "
            "-sha256 -in /etc/pve/local/pve-ssl.pem"
        )
        if not sys.stdin.isatty() or input("Is it the same? Pin it? [y/N] ").lower() != "y":
            raise CommandError(
                "Not registered. Pin it with --fingerprint or PROXMOX_FINGERPRINT, or give the CA "
                "with --ca or PROXMOX_CA."
            )
        return tuple(shown)

    def tell(self, examination: Examination) -> None:
        for line in describe(examination):
            self.stdout.write(line)


def given(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
