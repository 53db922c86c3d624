"""Proxmox as the panel speaks of it. The only module that imports proxmoxer.

Proxmoxer joins paths without quoting, so that a name with slashes reached another guest; hence
each segment is checked here before it goes into a path.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from proxmoxer import ProxmoxResource, ResourceException

from servers.proxmox import replies
from servers.proxmox.errors import (
    ProxmoxDenied,
    ProxmoxError,
    ProxmoxMalformed,
    ProxmoxRefused,
    ProxmoxUnreachable,
)
from servers.proxmox.session import ProxmoxSession, Reply
from servers.proxmox.types import (
    Access,
    FileSystem,
    GuestConfig,
    Kind,
    Resources,
    Version,
)

# Total time for a call, seconds. A node behind the one we ask gets 30 s from Proxmox itself;
# an agent that is silent costs Proxmox's own workers 5 s or more.
QUICK_SECONDS = 15.0
AGENT_SECONDS = 10.0


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
    if 595 <= status <= 599:
        return ProxmoxUnreachable(f"The node does not answer ({reason or status}).")
    if status in {502, 503, 504}:
        return ProxmoxUnreachable(f"A gateway answers in place of Proxmox ({status} {reason}).")
    if isinstance(errors, dict) and errors:
        fields = "; ".join(f"{key}: {str(text).strip()}" for key, text in errors.items())
        return ProxmoxRefused(f"{reason} {fields}")
    return ProxmoxRefused(reason or f"Proxmox answered {status}.")


class Gateway:
    """One cluster through one token. Not to be shared between threads."""

    def __init__(self, access: Access) -> None:
        self._session = ProxmoxSession(access)

    def _api(self, *segments: str, seconds: float = QUICK_SECONDS) -> ProxmoxResource:
        return ProxmoxResource(
            # The endpoint is chosen by the session; proxmoxer only builds the path.
            base_url="/".join(("https://cluster/api2/json", *segments)),
            session=self._session.within(seconds),
            serializer=EnvelopeSerializer(),
        )

    def _guest(self, node: str, kind: Kind, vmid: int, seconds: float) -> ProxmoxResource:
        if not replies.NODE_NAME.fullmatch(node):
            raise ProxmoxRefused("This is no name of a node.")
        if kind not in ("qemu", "lxc"):
            raise ProxmoxRefused("This is no kind of guest.")
        return self._api("nodes", node, kind, str(int(vmid)), seconds=seconds)

    def version(self) -> Version:
        """The version of the node that answers. Any token may ask."""
        with translated():
            return replies.version(self._api("version").get())

    def permissions(self) -> dict[str, frozenset[str]]:
        """Path -> privileges that the token holds there."""
        with translated():
            return replies.permissions(self._api("access", "permissions").get())

    def resources(self) -> Resources:
        """All guests and nodes that the token may see, in one call.

        A token without VM.Audit gets an empty list and no error.
        """
        with translated():
            return replies.resources(self._api("cluster", "resources").get())

    def guest_config(self, *, node: str, kind: Kind, vmid: int) -> GuestConfig:
        with translated():
            return replies.guest_config(
                kind, self._guest(node, kind, vmid, QUICK_SECONDS)("config").get()
            )

    def file_systems(self, *, node: str, vmid: int) -> list[FileSystem]:
        """What the guest agent says of the VM's file systems that hold its data."""
        with translated():
            return replies.file_systems(
                self._guest(node, "qemu", vmid, AGENT_SECONDS)("agent")("get-fsinfo").get()
            )
