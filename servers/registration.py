"""Making a cluster known: what is given is checked against the real thing before it is stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from servers.models import Cluster, ClusterEndpoint, ClusterToken
from servers.proxmox.gateway import Gateway
from servers.proxmox.privileges import INDISPENSABLE, Need, Purpose, mending, missing
from servers.proxmox.tls import normal_fingerprint, valid_ca
from servers.proxmox.types import Access, Endpoint, Version
from servers.queue import enqueue

TOKEN_ID = re.compile(r"[^\s:/@!]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?|[0-9A-Fa-f:]+")


class NotRegistered(ValueError):
    """What was given cannot be right; `str()` says why and what would."""


@dataclass(frozen=True)
class Credentials:
    token_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Finding:
    """What Proxmox says of one token."""

    token_id: str
    purposes: tuple[Purpose, ...]
    lacking: tuple[Need, ...]
    major: int

    @property
    def mending(self) -> list[str]:
        return mending(self.token_id, self.lacking, self.major)

    @property
    def sees_nothing(self) -> bool:
        return any(need.privilege == INDISPENSABLE for need in self.lacking)


@dataclass(frozen=True)
class Examination:
    version: Version
    findings: tuple[Finding, ...]
    guests: int

    def missing_privileges(self) -> list[str]:
        major = self.version.major
        return [need.name(major) for finding in self.findings for need in finding.lacking]


def parse_endpoint(text: str, fingerprint: str = "") -> Endpoint:
    """From what people paste: a host, host:port, or the address of the web interface or API."""
    written = text.strip()
    try:
        address = urlsplit(written if "://" in written else f"https://{written}")
    except ValueError as error:
        raise no_address(text) from error
    if address.scheme != "https":
        raise NotRegistered(f"{text}: Proxmox speaks https alone.")
    if address.username or address.password:
        raise NotRegistered("The address must not hold a user or a password.")
    try:
        port = address.port or 8006
    except ValueError as error:
        raise NotRegistered(f"{text}: the port is no port.") from error
    host = address.hostname or ""
    if not HOST.fullmatch(host) or len(host) > 253:
        raise no_address(text)
    try:
        return Endpoint(host, port, normal_fingerprint(fingerprint) if fingerprint else "")
    except ValueError as error:
        raise NotRegistered(str(error)) from error


def no_address(text: str) -> NotRegistered:
    return NotRegistered(f"{text}: this is no address like https://pve1.example.com:8006.")


def check_credentials(credentials: Credentials) -> Credentials:
    if not TOKEN_ID.fullmatch(credentials.token_id):
        raise NotRegistered(
            f"{credentials.token_id!r} is no token ID; it looks like panel@pve!panel."
        )
    if not re.fullmatch(r"[!-~]{8,128}", credentials.secret):
        raise NotRegistered(
            "The token's secret is missing or no secret; Proxmox shows it once, when the token is "
            "made, as five groups of letters and digits."
        )
    return credentials


def check_ca(pem: str) -> str:
    try:
        return valid_ca(pem) if pem.strip() else ""
    except ValueError as error:
        raise NotRegistered(str(error)) from error


def examine(
    endpoints: tuple[Endpoint, ...], ca_pem: str, tokens: Mapping[Purpose, Credentials]
) -> Examination:
    """Ask the cluster itself: version, rights of each token, what the read token sees.

    A token serves the purposes that have no token of their own. Raises ProxmoxError.
    """
    by_token: dict[Credentials, list[Purpose]] = {}
    for purpose in Purpose:
        by_token.setdefault(tokens.get(purpose, tokens[Purpose.READ]), []).append(purpose)
    findings: list[Finding] = []
    reader = Gateway(access(endpoints, ca_pem, tokens[Purpose.READ]))
    version = reader.version()
    for token, purposes in by_token.items():
        rights = Gateway(access(endpoints, ca_pem, token)).permissions()
        lacking = missing(rights, purposes, version.major)
        findings.append(Finding(token.token_id, tuple(purposes), tuple(lacking), version.major))
    return Examination(version, tuple(findings), len(reader.resources().guests))


def access(endpoints: tuple[Endpoint, ...], ca_pem: str, token: Credentials) -> Access:
    return Access(endpoints, token.token_id, token.secret, ca_pem)


def register(
    *,
    name: str,
    endpoints: tuple[Endpoint, ...],
    ca_pem: str,
    tokens: Mapping[Purpose, Credentials],
    examination: Examination,
    actor: Actor,
    now: datetime,
) -> tuple[Cluster, bool]:
    """Store a cluster, or what changed of one by the same name, and have it polled at once.

    Returns the cluster and whether it is new.
    """
    taken = ClusterEndpoint.objects.exclude(cluster__name=name).select_related("cluster")
    for endpoint in endpoints:
        other = taken.filter(host=endpoint.host, port=endpoint.port).first()
        if other:
            raise NotRegistered(f"{endpoint} is registered already, as {other.cluster.name!r}.")
    with transaction.atomic():
        cluster, created = Cluster.objects.update_or_create(
            name=name,
            defaults={
                "ca_pem": ca_pem,
                "version": examination.version.release,
                "missing_privileges": examination.missing_privileges(),
                "next_cycle_at": None,
            },
        )
        cluster.endpoints.all().delete()
        ClusterEndpoint.objects.bulk_create(
            ClusterEndpoint(
                cluster=cluster,
                host=endpoint.host,
                port=endpoint.port,
                fingerprint=endpoint.fingerprint,
                position=position,
            )
            for position, endpoint in enumerate(endpoints)
        )
        for purpose, token in tokens.items():
            ClusterToken.objects.update_or_create(
                cluster=cluster,
                purpose=purpose.value,
                defaults={"token_id": token.token_id, "secret": token.secret},
            )
        audit.record(
            "cluster.added" if created else "cluster.changed",
            actor=actor,
            now=now,
            object_type="cluster",
            object_id=cluster.pk,
            details={
                "endpoints": [str(endpoint) for endpoint in endpoints],
                "tokens": {purpose.value: token.token_id for purpose, token in tokens.items()},
            },
        )
        enqueue("monitoring.poll_cluster", cluster_id=cluster.pk)
    return cluster, created
