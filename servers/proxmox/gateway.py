"""Proxmox as the panel speaks of it. The only module that imports proxmoxer.

Proxmoxer joins paths without quoting, so that a name with slashes reached another guest; hence
each segment is checked here before it goes into a path.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import msgspec
from proxmoxer import ProxmoxResource, ResourceException

from servers.meter import Counter, Histogram
from servers.proxmox import networks, replies
from servers.proxmox.errors import (
    NotDelivered,
    ProxmoxDenied,
    ProxmoxError,
    ProxmoxMalformed,
    ProxmoxRefused,
    ProxmoxUnreachable,
)
from servers.proxmox.session import ProxmoxSession, Reply
from servers.proxmox.types import (
    Access,
    ConsoleGrant,
    FileSystem,
    GuestAddress,
    GuestConfig,
    GuestState,
    Kind,
    PowerVerb,
    Recorded,
    Resources,
    SnapshotList,
    TaskState,
    Timeframe,
    Version,
)
from servers.proxmox.upid import Upid

# Total time for a call, seconds. A node behind the one we ask gets 30 s from Proxmox itself;
# an agent that is silent costs Proxmox's own workers 5 s or more.
QUICK_SECONDS = 15.0
AGENT_SECONDS = 10.0
# What changes something is waited for as long as Proxmox itself waits: a busy lock file costs it
# ten seconds, an agent that hangs as many, a node behind another thirty.
ACT_SECONDS = 35.0
# Following tasks is done every second: a node that is away must not hold it up for long.
TASK_SECONDS = 5.0

CALLS = Counter(
    "panel_proxmox_calls",
    "Calls to Proxmox, by what was asked and how it ended.",
    ("verb", "outcome"),
)
CALL_SECONDS = Histogram(
    "panel_proxmox_call_seconds", "How long Proxmox took to answer, or not to.", ("verb",)
)


class Envelope(msgspec.Struct):
    """Every reply of Proxmox is {"data": …}, its failures {"message": …, "errors": {…}} too."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: dict[str, Any] | None = None


class EnvelopeSerializer:
    """Stands in for proxmoxer's own, which hands on garbage as if it were data."""

    def loads(self, reply: Reply) -> msgspec.Raw:
        try:
            fields = msgspec.json.decode(reply.content, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError as error:
            raise ProxmoxMalformed("The reply is not the JSON that Proxmox sends.") from error
        if "data" not in fields:
            raise ProxmoxMalformed("The reply has no data, as every reply of Proxmox has.")
        return fields["data"]

    def loads_errors(self, reply: Reply) -> dict[str, Any] | None:
        try:
            return msgspec.json.decode(reply.content, type=Envelope).errors
        except msgspec.DecodeError:
            return None


@contextmanager
def translated() -> Iterator[None]:
    """Turns each failure of a call into one of our own."""
    try:
        yield
    except ResourceException as error:
        raise translate(error.status_code, str(error.content), error.errors) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        # A guest writes part of what its agent answers: anything may be in it.
        raise ProxmoxMalformed(
            f"The reply is not of the form that was asked for ({type(error).__name__})."
        ) from error


def translate(status: int, reason: str, errors: object) -> ProxmoxError:
    reason = reason.strip()
    if status == 401:
        return ProxmoxDenied(f"The token was not accepted ({reason or 'no reason given'}).")
    if status == 403:
        return ProxmoxDenied(reason or "Permission check failed.")
    if status == 595:
        # AnyEvent::HTTP: the connection was not established.
        return NotDelivered(f"The node does not answer ({reason or status}).")
    if 596 <= status <= 599:
        return ProxmoxUnreachable(f"The node does not answer ({reason or status}).")
    if status in {502, 503, 504}:
        return ProxmoxUnreachable(f"A gateway answers in place of Proxmox ({status} {reason}).")
    if isinstance(errors, dict) and errors:
        fields = "; ".join(f"{key}: {str(text).strip()}" for key, text in errors.items())
        return ProxmoxRefused(f"{reason} {fields}")
    return ProxmoxRefused(reason or f"Proxmox answered {status}.")


def outcome_of(error: ProxmoxError) -> str:
    """In a word, for metrics: the words of the error itself may be a guest's."""
    # What is malformed is a kind of unreachable.
    if isinstance(error, ProxmoxMalformed):
        return "malformed"
    if isinstance(error, ProxmoxUnreachable):
        return "unreachable"
    return "denied" if isinstance(error, ProxmoxDenied) else "refused"


class Gateway:
    """One cluster through one token. Not to be shared between threads."""

    def __init__(self, access: Access) -> None:
        self._session = ProxmoxSession(access)

    @property
    def answered_in(self) -> float:
        """Seconds that the last call waited for Proxmox; reading the reply is not in it."""
        return self._session.answered_in

    @contextmanager
    def _call(self, verb: str) -> Iterator[None]:
        """Counts and times a call by what we call it, and translates its failure."""
        self._session.answered_in = 0.0
        outcome = "ok"
        try:
            with translated():
                yield
        except ProxmoxError as error:
            outcome = outcome_of(error)
            raise
        finally:
            CALLS.add(verb, outcome)
            # What was refused here, for a name that is none, did not get as far as Proxmox.
            if self.answered_in:
                CALL_SECONDS.observe(verb, seconds=self.answered_in)

    def _api(self, *segments: str, seconds: float = QUICK_SECONDS) -> ProxmoxResource:
        return ProxmoxResource(
            # The endpoint is chosen by the session; proxmoxer only builds the path.
            base_url="/".join(("https://cluster/api2/json", *segments)),
            session=self._session.within(seconds),
            serializer=EnvelopeSerializer(),
        )

    def _node(self, node: str, *segments: str, seconds: float) -> ProxmoxResource:
        if not replies.NODE_NAME.fullmatch(node):
            raise ProxmoxRefused("This is no name of a node.")
        return self._api("nodes", node, *segments, seconds=seconds)

    def _task(self, upid: Upid, last: str) -> ProxmoxResource:
        name = quote(upid.text, safe="")
        return self._node(upid.node, "tasks", name, last, seconds=TASK_SECONDS)

    def _guest(self, node: str, kind: Kind, vmid: int, seconds: float) -> ProxmoxResource:
        if kind not in ("qemu", "lxc"):
            raise ProxmoxRefused("This is no kind of guest.")
        return self._node(node, kind, str(int(vmid)), seconds=seconds)

    def version(self) -> Version:
        """The version of the node that answers. Any token may ask."""
        with self._call("version"):
            return replies.version(self._api("version").get())

    def permissions(self) -> dict[str, frozenset[str]]:
        """Path -> privileges that the token holds there."""
        with self._call("permissions"):
            return replies.permissions(self._api("access", "permissions").get())

    def resources(self) -> Resources:
        """All guests and nodes that the token may see, in one call.

        A token without VM.Audit gets an empty list and no error.
        """
        with self._call("resources"):
            return replies.resources(self._api("cluster", "resources").get())

    def guest_config(self, *, node: str, kind: Kind, vmid: int) -> GuestConfig:
        with self._call("guest_config"):
            return replies.guest_config(
                kind, self._guest(node, kind, vmid, QUICK_SECONDS)("config").get()
            )

    def file_systems(self, *, node: str, vmid: int) -> list[FileSystem]:
        """What the guest agent says of the VM's file systems that hold its data."""
        with self._call("file_systems"):
            return replies.file_systems(
                self._guest(node, "qemu", vmid, AGENT_SECONDS)("agent")("get-fsinfo").get()
            )

    def addresses(self, *, node: str, kind: Kind, vmid: int) -> list[GuestAddress]:
        """Which addresses it has: of a VM its guest agent tells, of a container its host."""
        guest = self._guest(node, kind, vmid, AGENT_SECONDS)
        with self._call("addresses"):
            if kind == "lxc":
                return networks.addresses(guest("interfaces").get())
            return networks.addresses(guest("agent")("network-get-interfaces").get())

    def guest_state(self, *, node: str, kind: Kind, vmid: int) -> GuestState:
        """Asked of the guest itself, where `resources` tells what was measured before."""
        with self._call("guest_state"):
            return replies.guest_state(
                self._guest(node, kind, vmid, QUICK_SECONDS)("status")("current").get()
            )

    def history(self, *, node: str, kind: Kind, vmid: int, timeframe: Timeframe) -> list[Recorded]:
        """What Proxmox recorded of a guest, also while nobody asked: by the minute for an hour,
        and for a day since PVE 9, before and further back by half an hour."""
        with self._call("history"):
            return replies.history(
                self._guest(node, kind, vmid, QUICK_SECONDS)("rrddata").get(
                    timeframe=timeframe, cf="AVERAGE"
                )
            )

    def vnc_proxy(self, *, node: str, kind: Kind, vmid: int) -> ConsoleGrant:
        """A screen, once. Answered also for a guest that is off: look at its state before.

        `generate-password` is deprecated, and done without being asked since 2026; before, the
        password was a ticket cut to eight characters.
        """
        wishes = {"websocket": 1} | ({"generate-password": 1} if kind == "qemu" else {})
        with self._call("vnc_proxy"):
            data = self._guest(node, kind, vmid, QUICK_SECONDS)("vncproxy").post(**wishes)
            return self._grant(data, node, kind, vmid)

    def term_proxy(self, *, node: str, kind: Kind, vmid: int) -> ConsoleGrant:
        """A terminal, once: a container's, or a VM's first serial port."""
        with self._call("term_proxy"):
            data = self._guest(node, kind, vmid, QUICK_SECONDS)("termproxy").post()
            return self._grant(data, node, kind, vmid)

    def _grant(self, data: msgspec.Raw, node: str, kind: Kind, vmid: int) -> ConsoleGrant:
        where = self._session.answered_by
        return replies.console(data, endpoint=where, node=node, kind=kind, vmid=vmid)

    def power(
        self, verb: PowerVerb, *, node: str, kind: Kind, vmid: int, timeout: int | None = None
    ) -> Upid:
        """Starts a task for this verb. `timeout` in seconds, where the guest has to agree."""
        wishes = {} if timeout is None else {"timeout": timeout}
        with self._call("power"):
            return replies.upid(
                self._guest(node, kind, vmid, ACT_SECONDS)("status")(verb).post(**wishes)
            )

    def overrule(self, *, node: str, kind: Kind, vmid: int) -> Upid:
        """Pulls the plug, and ends a shutdown that is under way: it would hold the lock."""
        with self._call("overrule"):
            return replies.upid(
                self._guest(node, kind, vmid, ACT_SECONDS)("status")("stop").post(
                    **{"overrule-shutdown": 1}
                )
            )

    def destroy(self, *, node: str, kind: Kind, vmid: int) -> Upid:
        """The guest with its disks, and out of backup jobs, replication and HA."""
        with self._call("destroy"):
            return replies.upid(self._guest(node, kind, vmid, ACT_SECONDS).delete(purge=1))

    def set_user_password(self, *, node: str, vmid: int, username: str, password: str) -> bool:
        """By the guest agent, at once. False where Proxmox does not confirm that it was done."""
        with self._call("set_user_password"):
            return replies.is_confirmed(
                self._guest(node, "qemu", vmid, ACT_SECONDS)("agent")("set-user-password").post(
                    username=username, password=password
                )
            )

    def set_cloud_init_password(
        self, *, node: str, vmid: int, username: str, password: str
    ) -> None:
        """For the next start; an empty user name leaves the image's own."""
        user = {"ciuser": username} if username else {}
        with self._call("set_cloud_init_password"):
            self._guest(node, "qemu", vmid, ACT_SECONDS)("config").put(cipassword=password, **user)

    def guest_tasks(self, *, node: str, vmid: int) -> list[TaskState]:
        """The latest tasks about a guest that this token may see, newest first."""
        with self._call("guest_tasks"):
            return replies.tasks(
                self._node(node, "tasks", seconds=TASK_SECONDS).get(
                    source="all", vmid=int(vmid), limit=50
                )
            )

    def node_tasks(self, *, node: str, since: int, limit: int) -> list[TaskState]:
        """Tasks that began at `since` (Unix seconds of that node) or later."""
        with self._call("node_tasks"):
            return replies.tasks(
                self._node(node, "tasks", seconds=TASK_SECONDS).get(
                    source="all", since=int(since), limit=int(limit)
                )
            )

    def cluster_tasks(self) -> list[TaskState]:
        """The latest tasks of all nodes, as they last told each other: cheap, and not complete."""
        with self._call("cluster_tasks"):
            return replies.tasks(self._api("cluster", "tasks", seconds=TASK_SECONDS).get())

    def task_state(self, upid: Upid) -> TaskState:
        with self._call("task_state"):
            return replies.task_state(upid, self._task(upid, "status").get())

    def task_log(self, upid: Upid) -> list[str]:
        """Its first five hundred lines; a power task has a handful."""
        with self._call("task_log"):
            return replies.log_lines(self._task(upid, "log").get(limit=500))

    def snapshots(self, *, node: str, kind: Kind, vmid: int) -> SnapshotList:
        with self._call("snapshots"):
            return replies.snapshots(
                self._guest(node, kind, vmid, QUICK_SECONDS)("snapshot").get()
            )

    def can_snapshot(self, *, node: str, kind: Kind, vmid: int) -> bool:
        """Whether every disk of the guest is where snapshots can be taken."""
        with self._call("can_snapshot"):
            return replies.has_feature(
                self._guest(node, kind, vmid, QUICK_SECONDS)("feature").get(feature="snapshot")
            )

    def storage_kinds(self) -> dict[str, str]:
        """Storage -> its plugin. Needs Datastore.Audit; empty without it."""
        with self._call("storage_kinds"):
            return replies.storage_kinds(self._api("cluster", "resources").get(type="storage"))

    def take_snapshot(
        self, *, node: str, kind: Kind, vmid: int, name: str, description: str, memory: bool
    ) -> Upid:
        """`memory`: with what is in RAM; containers have no such thing."""
        wishes = {"vmstate": int(memory)} if kind == "qemu" else {}
        with self._call("take_snapshot"):
            return replies.upid(
                self._guest(node, kind, vmid, ACT_SECONDS)("snapshot").post(
                    snapname=named(name), description=description, **wishes
                )
            )

    def delete_snapshot(self, *, node: str, kind: Kind, vmid: int, name: str) -> Upid:
        with self._call("delete_snapshot"):
            return replies.upid(
                self._guest(node, kind, vmid, ACT_SECONDS)("snapshot")(named(name)).delete()
            )

    def roll_back(self, *, node: str, kind: Kind, vmid: int, name: str, start: bool) -> Upid:
        """`start` afterwards; one with memory runs by itself."""
        wishes = {"start": 1} if start else {}
        with self._call("roll_back"):
            return replies.upid(
                self._guest(node, kind, vmid, ACT_SECONDS)("snapshot")(named(name))(
                    "rollback"
                ).post(**wishes)
            )


def named(name: str) -> str:
    """A snapshot's name that goes into a path: Proxmox's own rule for it, and nothing else."""
    if not replies.SNAPSHOT_NAME.fullmatch(name):
        raise ProxmoxRefused("This is no name of a snapshot.")
    return name
