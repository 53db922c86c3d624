"""Consoles as Proxmox hands them out: a port, a ticket, and one connection within ten seconds.

What a console shows comes from one of three places: a VNC server that was attached from outside,
the screen that `screen` draws, or the terminal that `terminal` plays.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from servers.simulator.chance import digest
from servers.simulator.guests import Guest
from servers.simulator.tasks import Task

LISTENS = 10.0  # seconds that the listener waits for its one connection
TICKET_LIVES = 40.0
DROPPED_AFTER = 5.0  # how long a late connection hangs before it is dropped, without an answer
NO_SERIAL = 5.7  # how long termproxy waits for a terminal that never comes
FIRST_PORT, LAST_PORT = 5900, 5999
PASSWORD_LENGTH = 8  # all that VNC authentication looks at


class Form(StrEnum):
    """How vncproxy answers: it changed over the years."""

    RECORDED = "recorded"  # 9.1.7: `password` where generate-password asks for it
    OLD = "old"  # never; the RFB password is the ticket cut to eight characters
    NEW = "new"  # always, and the ticket bears it as a prefix too
    PREFIXED = "prefixed"  # in the ticket's prefix alone


@dataclass(slots=True)
class Listener:
    """One call of vncproxy or termproxy. `password` is what VNC authentication asks for."""

    guest: Guest
    identity: str
    port: int
    ticket: str = field(repr=False)
    password: str = field(repr=False)
    opened_at: float
    task: Task
    is_text: bool
    is_taken: bool = False

    def listens(self, now: float) -> bool:
        return not self.is_taken and not self.task.done and now - self.opened_at <= LISTENS


@dataclass(slots=True)
class Consoles:
    """All listeners of a cluster, by port; `screens` are VNC servers by VMID, host and port."""

    form: Form = Form.RECORDED
    screens: dict[int, tuple[str, int]] = field(default_factory=dict)
    listeners: dict[int, Listener] = field(default_factory=dict)
    _calls: int = 0

    def attach(self, vmid: int, address: str | None = None) -> None:
        """Show the VNC server at this address as the guest's screen; without one, our own."""
        if address is None:
            self.screens.pop(int(vmid), None)
            return
        host, _, port = address.rpartition(":")
        self.screens[int(vmid)] = (host, int(port))

    def speak(self, form: str = Form.RECORDED) -> None:
        self.form = Form(form)

    def listen(
        self, guest: Guest, task: Task, *, now: float, generate: bool, is_text: bool
    ) -> Listener:
        self._forget(now)
        self._calls += 1
        signature = digest("ticket", guest.uuid, self._calls, now)
        ticket = f"PVEVNC:{int(now):08X}::{signature}"
        password = ticket[:PASSWORD_LENGTH]
        drawn = digest("password", guest.uuid, self._calls, now)[:PASSWORD_LENGTH]
        if self.form in (Form.NEW, Form.PREFIXED) and not is_text:
            password, ticket = drawn, f"{drawn}:{ticket}"
        elif self.form is Form.RECORDED and generate:
            password = drawn
        listener = Listener(
            guest, task.identity, next(self._free_ports()), ticket, password, now, task, is_text
        )
        self.listeners[listener.port] = listener
        return listener

    def _free_ports(self) -> Iterator[int]:
        yield from (
            port for port in range(FIRST_PORT, LAST_PORT + 1) if port not in self.listeners
        )

    def _forget(self, now: float) -> None:
        """Ports whose task ended, or whose ticket is long over and unused, are free again."""
        for port, listener in list(self.listeners.items()):
            if now - listener.opened_at > LISTENS and not listener.is_taken:
                listener.task.end("connection timed out", now)
            if listener.task.done and now - listener.opened_at > TICKET_LIVES:
                del self.listeners[port]
