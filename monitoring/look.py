"""Looking into single guests, beside the cycle: who they are, whether they are gone, their disks
and addresses.

Each call here occupies one of a node's three API workers, and a guest agent that hangs occupies it
for seconds. So at most two calls a node are under way at once, a round ends after a budget of
time, and what failed is not asked again for minutes.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from time import monotonic

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q

from monitoring import overload
from monitoring.claims import claim_look, release_look
from monitoring.models import GuestDisk
from servers import addresses, facts, inventory
from servers.clusters import access_to
from servers.identity import same_guest
from servers.models import Cluster, ClusterToken, Node, Server
from servers.proxmox.errors import ProxmoxDenied, ProxmoxError, ProxmoxRefused, ProxmoxUnreachable
from servers.proxmox.gateway import Gateway
from servers.proxmox.types import Access, FileSystem, GuestAddress, GuestConfig, GuestState

logger = logging.getLogger(__name__)

CALLS_PER_NODE = 2
CALLS_AT_ONCE = 16
ROUND_SECONDS = 45.0
MOST_QUESTIONS = 20_000
CLAIM_LASTS = timedelta(seconds=120)
# After so many silent answers in a round, the node is left in peace until the next.
SILENT_ANSWERS = 2

# When a guest's disks are looked at again, seconds, by how the last look ended.
AGAIN = {
    GuestDisk.State.WAITING: 0,
    GuestDisk.State.OK: 120,
    GuestDisk.State.NOT_RUNNING: 300,
    GuestDisk.State.FAILED: 600,
    GuestDisk.State.TIMEOUT: 900,
    GuestDisk.State.DENIED: 1800,
    GuestDisk.State.DISABLED: 3600,
}
# When an identity that could not be read is asked for again, and whether a missing guest is gone.
IDENTITY_AGAIN = timedelta(minutes=5)
MISSING_AGAIN = timedelta(minutes=1)
# Where Proxmox will not say whether a guest exists, it counts as gone after so long unseen.
UNSEEN = timedelta(minutes=10)


class About(Enum):
    IDENTITY = "identity"
    STATE = "state"
    DISK = "disk"
    ADDRESSES = "addresses"


@dataclass(frozen=True)
class Question:
    server: Server
    node: str
    about: About


@dataclass(frozen=True)
class Answer:
    question: Question
    result: "Told | ProxmoxError"


Told = GuestConfig | GuestState | list[FileSystem] | list[GuestAddress]


def look_into(cluster_id: int, *, clock: Callable[[], datetime]) -> int:
    """One round over a cluster's guests; returns how many calls it made."""
    now = clock()
    claim = claim_look(cluster_id, now=now, lasts=CLAIM_LASTS)
    if claim is None:
        return 0
    try:
        cluster = Cluster.objects.prefetch_related("tokens", "endpoints").get(pk=cluster_id)
        questions = open_questions(cluster, now)
        if not questions:
            return 0
        access = access_to(cluster, ClusterToken.Purpose.READ)
        asked = 0
        for answer in ask(access, questions):
            asked += 1
            try:
                take_in(answer, now=clock())
            except DatabaseError:
                # One guest's odd answer, or a deadlock, is not to keep the others waiting.
                logger.exception("%s: an answer could not be stored.", answer.question.server)
                put_off(answer.question, now=clock())
        return asked
    except ProxmoxDenied as error:
        logger.warning("%s: %s", cluster_id, error)
        return 0
    finally:
        release_look(cluster_id, claim)


def open_questions(cluster: Cluster, now: datetime) -> list[Question]:
    """What is to be asked, the most pressing first: identities, then disks longest overdue.

    For addresses, an agent is asked that answered when it was asked last: one that hangs costs a
    node seconds, and has been found out by the question for its disks. Under overload both wait:
    who a guest is does not, as no sample is stored before.
    """
    disks_wait = overload.disks_wait(cluster.overload_level)
    addresses_wait = overload.addresses_wait(cluster.overload_level)
    present = Server.objects.filter(cluster=cluster, present=True, node__isnull=False)
    reachable = present.exclude(node__status=Node.Status.OFFLINE).select_related("node")
    patience = now - timedelta(seconds=settings.POLL_INTERVAL)
    identities = (
        reachable.filter(identity_due=True)
        .exclude(missing_since__gt=patience)
        .exclude(identity_next_at__gt=now)
    )
    disks = (
        reachable.filter(
            kind=Server.Kind.QEMU,
            status=Server.Status.RUNNING,
            identity_due=False,
            guest_disk__next_look_at__lte=int((now - disks_wait).timestamp()),
        )
        .select_related("guest_disk")
        .order_by("guest_disk__next_look_at")
    )
    tells = Q(kind=Server.Kind.LXC) | Q(guest_disk__state=GuestDisk.State.OK)
    due = Q(addresses_next_at__lte=now - addresses_wait)
    # NULL is at once, as after a start.
    due |= Q(addresses_next_at=None, status_since__lte=now - addresses_wait)
    moved = (
        reachable.filter(tells, due, status=Server.Status.RUNNING, identity_due=False)
        .order_by("addresses_next_at", "pk")
    )  # fmt: skip
    # A list of guests does not tell paused from running.
    paused = reachable.filter(status=Server.Status.PAUSED).order_by("pk")
    wanted = (
        (About.IDENTITY, identities.order_by("pk")), (About.STATE, paused), (About.DISK, disks),
        (About.ADDRESSES, moved),
    )  # fmt: skip
    return [
        Question(server, server.node.name, about)
        for about, servers in wanted
        for server in servers[:MOST_QUESTIONS]
        if server.node
    ]


def ask(access: Access, questions: Iterable[Question]) -> Iterator[Answer]:
    """Asks node by node, in threads of their own, and yields answers as they come."""
    by_node: dict[str, list[Question]] = defaultdict(list)
    for each in questions:
        by_node[each.node].append(each)
    deadline = monotonic() + ROUND_SECONDS
    lines: list[tuple[list[Question], threading.Event]] = []
    for waiting in by_node.values():
        silent = threading.Event()
        lines += [(waiting[start::CALLS_PER_NODE], silent) for start in range(CALLS_PER_NODE)]
    with ThreadPoolExecutor(min(CALLS_AT_ONCE, len(lines))) as pool:
        rounds = [
            pool.submit(ask_in_turn, access, line, silent, deadline)
            for line, silent in lines
            if line
        ]
        for finished in as_completed(rounds):
            yield from finished.result()


def ask_in_turn(
    access: Access, line: list[Question], silent: threading.Event, deadline: float
) -> list[Answer]:
    """One of a node's lines, with a gateway of its own; stops at the deadline or at silence."""
    gateway = Gateway(access)
    answers: list[Answer] = []
    unanswered = 0
    for each in line:
        if silent.is_set() or monotonic() > deadline:
            break
        answer = Answer(each, ask_one(gateway, each))
        answers.append(answer)
        unanswered += isinstance(answer.result, ProxmoxUnreachable)
        if unanswered >= SILENT_ANSWERS:
            silent.set()
    return answers


def ask_one(gateway: Gateway, each: Question) -> Told | ProxmoxError:
    server = each.server
    kind = server.guest_kind
    try:
        if each.about is About.IDENTITY:
            return gateway.guest_config(node=each.node, kind=kind, vmid=server.vmid)
        if each.about is About.STATE:
            return gateway.guest_state(node=each.node, kind=kind, vmid=server.vmid)
        if each.about is About.ADDRESSES:
            return gateway.addresses(node=each.node, kind=kind, vmid=server.vmid)
        return gateway.file_systems(node=each.node, vmid=server.vmid)
    except ProxmoxError as error:
        return error


def take_in(answer: Answer, *, now: datetime) -> None:
    server = answer.question.server
    if answer.question.about is About.DISK:
        note_disks(server, answer.result, now=now)
    elif answer.question.about is About.ADDRESSES:
        note_addresses(server, answer.result, now=now)
    elif isinstance(answer.result, GuestConfig):
        identify(server, answer.result, now=now)
    elif isinstance(answer.result, GuestState):
        if not seen_since(server):
            inventory.observe(server.pk, answer.result.status, now=now)
    elif isinstance(answer.result, ProxmoxError):
        put_off(answer.question, now=now)
        if server.missing_since:
            judge_missing(server, answer.result, now=now)


def seen_since(server: Server) -> bool:
    """Whether an action has seen its state after the question was asked: that is newer."""
    seen_at = Server.objects.filter(pk=server.pk).values_list("status_seen_at", flat=True).first()
    return seen_at != server.status_seen_at


def put_off(question: Question, *, now: datetime) -> None:
    """What failed is not asked again for minutes."""
    server = question.server
    if question.about is About.DISK:
        again = int(now.timestamp()) + AGAIN[GuestDisk.State.FAILED]
        GuestDisk.objects.filter(pk=server.pk).update(next_look_at=again)
    elif question.about is About.ADDRESSES:
        addresses.put_off(server, now=now)
    elif question.about is About.IDENTITY:
        again_at = now + (MISSING_AGAIN if server.missing_since else IDENTITY_AGAIN)
        Server.objects.filter(pk=server.pk).update(identity_next_at=again_at)


def identify(server: Server, config: GuestConfig, *, now: datetime) -> None:
    """Compares who answered with whom the server was made for."""
    if not server.identity:
        twin = inventory.gone_twin(server, config.identity)
        if twin is not None:
            inventory.bring_back(twin, server, now=now)
            server = twin
        else:
            inventory.recognise(server, config.identity)
    elif same_guest(server.identity, config.identity):
        inventory.recognise(server, config.identity)
    else:
        server = inventory.replace(server, config.identity, now=now)
    facts.note(server.pk, config, now=now)
    if server.kind == Server.Kind.QEMU:
        expect_disks(server, agent_enabled=config.agent_enabled, now=now)


def expect_disks(server: Server, *, agent_enabled: bool, now: datetime) -> None:
    """Whether the guest agent is worth asking is known from the configuration."""
    at = int(now.timestamp())
    if agent_enabled:
        GuestDisk.objects.get_or_create(
            server_id=server.pk,
            defaults={"state": GuestDisk.State.WAITING, "next_look_at": at},
        )
        GuestDisk.objects.filter(server_id=server.pk, state=GuestDisk.State.DISABLED).update(
            state=GuestDisk.State.WAITING, message="", next_look_at=at
        )
    else:
        GuestDisk.objects.update_or_create(
            server_id=server.pk,
            defaults={
                "state": GuestDisk.State.DISABLED,
                "message": "No QEMU guest agent configured",
                "used": None,
                "total": None,
                "measured_at": None,
                "next_look_at": at + AGAIN[GuestDisk.State.DISABLED],
            },
        )


def judge_missing(server: Server, error: ProxmoxError, *, now: datetime) -> None:
    """Gone only on Proxmox's word: an error that says that it does not exist.

    A token that holds its rights on a pool gets 403 for a deleted guest, as for a hidden one, and
    a node that left the cluster cannot be asked; such a guest counts as gone after a while, as
    long as the cluster still lists others.
    """
    if isinstance(error, ProxmoxRefused) and "does not exist" in str(error):
        inventory.mark_gone(server.pk, why=str(error), now=now)
        return
    unclear = isinstance(error, ProxmoxDenied | ProxmoxRefused)
    long_unseen = server.missing_since is not None and now - server.missing_since > UNSEEN
    if unclear and long_unseen and most_are_there(server.cluster_id):
        inventory.mark_gone(server.pk, why=f"Not listed for long, and: {error}", now=now)


def most_are_there(cluster_id: int) -> bool:
    """Whether what vanished is the exception: rights that were lost take many guests at once."""
    present = Server.objects.filter(cluster_id=cluster_id, present=True)
    listed = present.filter(missing_since=None).count()
    return listed > present.count() - listed


def note_disks(server: Server, result: Told | ProxmoxError, *, now: datetime) -> None:
    at = int(now.timestamp())
    if isinstance(result, list):
        result = [each for each in result if isinstance(each, FileSystem)]
        total = sum(system.total for system in result)
        fullest = max(
            (system for system in result if system.total > 0),
            key=lambda system: system.used / system.total,
            default=None,
        )
        GuestDisk.objects.filter(pk=server.pk).update(
            state=GuestDisk.State.OK,
            message="",
            used=sum(system.used for system in result) if result else None,
            total=total if result else None,
            file_systems=[
                {
                    "mountpoint": system.mountpoint,
                    "kind": system.kind,
                    "used": system.used,
                    "total": system.total,
                }
                for system in result
            ],
            fullest=fullest.used / fullest.total if fullest else None,
            fullest_at=fullest.mountpoint[:255] if fullest else "",
            measured_at=at if result else None,
            next_look_at=at + AGAIN[GuestDisk.State.OK],
        )
    elif isinstance(result, ProxmoxError):
        state = agent_state(result)
        GuestDisk.objects.filter(pk=server.pk).update(
            state=state, message=str(result)[:255], next_look_at=at + AGAIN[state]
        )


def note_addresses(server: Server, result: Told | ProxmoxError, *, now: datetime) -> None:
    if isinstance(result, list):
        told = [each for each in result if isinstance(each, GuestAddress)]
        addresses.note(server, told, now=now)
    else:
        addresses.put_off(server, now=now)


def agent_state(error: ProxmoxError) -> GuestDisk.State:
    words = str(error).lower()
    if isinstance(error, ProxmoxDenied):
        return GuestDisk.State.DENIED
    if isinstance(error, ProxmoxUnreachable) or "timeout" in words:
        return GuestDisk.State.TIMEOUT
    if "no qemu guest agent configured" in words:
        return GuestDisk.State.DISABLED
    if "is not running" in words:
        return GuestDisk.State.NOT_RUNNING
    return GuestDisk.State.FAILED
