"""What `manage.py doctor` looks at. Each check finds one thing, and knows what would mend it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from celery import current_app
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import translation
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from accounts import appointment
from accounts.models import User
from alerts import backlog, destinations
from alerts.models import NotificationChannel
from monitoring import retention
from panel import strain
from panel.checks import PROXY_REMEDY, PROXY_WORDS, lacks_proxy
from servers import sweep
from servers.models import Cluster, ClusterToken
from servers.secrets import LostSecret

OLDEST_REDIS = (6, 2)
STUCK_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Finding:
    what: str
    well: bool
    words: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """All findings, in the order in which they depend on each other."""
    keys = encryption_keys()
    yield keys
    yield proxies()
    database = reach_database()
    yield database
    yield redis()
    if database.well:
        schema = migrations()
        yield schema
        if schema.well:
            yield people()
            yield roles_agree()
            if keys.well:
                yield secrets()
            yield partitions()
            yield from clusters()
            yield actions()
            yield messages()
            if keys.well:
                yield channel_secrets()
    yield worker()
    yield static_files()


def encryption_keys() -> Finding:
    try:
        for key in settings.ENCRYPTION_KEYS:
            Fernet(key)
    except ValueError:
        return Finding(
            "ENCRYPTION_KEYS", False, "one of them is no Fernet key.",
            "Make one: python3 -c 'import base64, os; "
            "print(base64.urlsafe_b64encode(os.urandom(32)).decode())'",
        )  # fmt: skip
    return Finding("ENCRYPTION_KEYS", True, f"{len(settings.ENCRYPTION_KEYS)} in use.")


def proxies() -> Finding:
    if lacks_proxy():
        return Finding("Proxy", False, PROXY_WORDS, PROXY_REMEDY)
    return Finding(
        "Proxy", True, f"{settings.TRUSTED_PROXIES} trusted before {settings.PANEL_URL}"
    )


def reach_database() -> Finding:
    name = f"{connection.vendor} {connection.settings_dict['NAME']}"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, ImproperlyConfigured) as error:
        return Finding(
            "Database", False, f"{name} does not answer: {error}",
            "Is it running, and are user, password and name in DATABASE_URL right?",
        )  # fmt: skip
    return Finding("Database", True, f"{name} answers.")


def redis() -> Finding:
    started = "make run starts one" if settings.EMBEDDED else "check REDIS_URL"
    try:
        with settings.REDIS.client(timeout=2) as r:
            version = str(r.info("server")["redis_version"])
    except (RedisError, OSError) as error:
        return Finding(
            "Redis", False, f"does not answer: {error}",
            f"Without it nothing is polled and no page changes by itself; {started}.",
        )  # fmt: skip
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        return Finding(
            "Redis", False, f"is {version}.", "Redis 6.2 or newer, or Valkey, is needed."
        )
    return Finding("Redis", True, f"{version} answers.")


def migrations() -> Finding:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        return Finding(
            "Tables", False, f"{len(waiting)} migrations are not applied.", "manage.py migrate"
        )
    return Finding("Tables", True, "are as this version needs them.")


def roles_agree() -> Finding:
    """Somebody may have changed a row by hand: what Django asks is not what the role says then."""
    disagreeing = appointment.disagreeing()
    if not disagreeing:
        return Finding("Roles", True, "everybody's marks are those of their role.")
    emails = ", ".join(person.email for person in disagreeing)
    return Finding(
        "Roles", False, f"the marks is_staff and is_superuser are not those of the role: {emails}.",
        "Choose their role anew on the staff site, and save.",
    )  # fmt: skip


def people() -> Finding:
    if User.objects.filter(is_staff=True, is_active=True).exists():
        return Finding("Staff", True, "somebody can sign in to the staff site.")
    return Finding("Staff", False, "there is nobody.", "manage.py setup_link")


def secrets() -> Finding:
    tokens = list(ClusterToken.objects.all())
    lost = [token.token_id for token in tokens if token.is_lost]
    if lost:
        return Finding(
            "Stored secrets", False, f"cannot be decrypted: {', '.join(lost)}.",
            "Add the old key at the end of ENCRYPTION_KEYS, or enter the tokens anew.",
        )  # fmt: skip
    return Finding("Stored secrets", True, f"all {len(tokens)} can be decrypted.")


def partitions() -> Finding:
    if connection.vendor != "mysql":
        return Finding("Samples", True, f"are kept for {settings.RETENTION_DAYS} days.")
    until = retention.made_until()
    if until is None or until < datetime.now(UTC) + timedelta(hours=1):
        return Finding(
            "Samples", False, "the next hour has no partition yet.",
            "Beat and a worker make it within ten minutes; are both running?",
        )  # fmt: skip
    return Finding("Samples", True, f"have their partitions until {until:%H:%M} UTC.")


def clusters() -> Iterator[Finding]:
    now = datetime.now(UTC)
    found = list(Cluster.objects.filter(enabled=True))
    if not found:
        yield Finding("Clusters", False, "none is registered.", "manage.py add_cluster")
    for cluster in found:
        yield cluster_health(cluster, now)


def cluster_health(cluster: Cluster, now: datetime) -> Finding:
    what = f"Cluster {cluster.name}"
    if cluster.failure:
        return Finding(
            what, False, cluster.failure_message, f"manage.py check_cluster {cluster.name}"
        )
    if cluster.is_stale(now):
        since = cluster.last_cycle_at
        words = "was never polled." if since is None else f"was last polled {now - since} ago."
        return Finding(what, False, words, "Are beat and a worker for the queue `poll` running?")
    if cluster.warning:
        return Finding(what, False, cluster.warning, f"manage.py check_cluster {cluster.name}")
    if cluster.overload_level:
        with translation.override("en"):
            words, remedy = strain.words(cluster), strain.remedy(cluster)
        return Finding(
            what, False, f"is {words}.", f"{remedy} docs/production.md, Overload.".strip()
        )
    return Finding(what, True, "is polled.")


def actions() -> Finding:
    """Proxmox that is away ends them within a minute, so what waits longer has no worker."""
    oldest = sweep.waiting_since()
    if oldest is None or datetime.now(UTC) - oldest < STUCK_AFTER:
        return Finding("Actions", True, "none is waiting.")
    return Finding(
        "Actions", False, f"the oldest waits since {oldest:%Y-%m-%d %H:%M} UTC.",
        "Are beat and a worker for the queue `actions` running?",
    )  # fmt: skip


def messages() -> Finding:
    """Alerts and mails that nobody takes, or that get through nowhere."""
    now = datetime.now(UTC)
    oldest = backlog.waiting_since(now)
    if oldest is not None and now - oldest > STUCK_AFTER:
        return Finding(
            "Messages", False, f"the oldest waits since {oldest:%Y-%m-%d %H:%M} UTC.",
            "Are beat and workers for the queues `default` and `deliver` running?",
        )  # fmt: skip
    count, answer = backlog.put_off()
    if count:
        return Finding(
            "Messages", False, f"{count} did not get through yet; the latest: {answer}",
            "Is EMAIL_URL right? The staff site's list of notifications has each answer.",
        )  # fmt: skip
    return Finding("Messages", True, "none is waiting.")


def channel_secrets() -> Finding:
    channels = NotificationChannel.objects.exclude(secret="")
    lost = [ch.pk for ch in channels if isinstance(destinations.secret_of(ch), LostSecret)]
    if lost:
        return Finding(
            "Channels", False, f"of {len(lost)} the secret cannot be decrypted.",
            "Add the old key at the end of ENCRYPTION_KEYS.",
        )  # fmt: skip
    return Finding("Channels", True, "have their secrets.")


def worker() -> Finding:
    try:
        replies = current_app.control.ping(timeout=1.0)
    except (OperationalError, RedisError, OSError):
        replies = []
    if not replies:
        return Finding(
            "Worker", False, "no Celery worker answers.",
            "celery -A panel worker -Q poll,guests,actions,deliver,default",
        )  # fmt: skip
    return Finding("Worker", True, f"{len(replies)} answer.")


def static_files() -> Finding:
    manifest = settings.STATIC_ROOT / "staticfiles.json"
    if settings.DEBUG or manifest.exists():
        return Finding("Static files", True, "are in place.")
    return Finding("Static files", False, "are not collected.", "manage.py collectstatic")
