"""Every way a console can end, with the code that its websocket is closed with. Pure."""

from dataclasses import dataclass

# Marks what is translated where it is shown.
noop = str


@dataclass(frozen=True)
class End:
    """`code` is of our own range; `reason` stands in the audit log, `message` is for people."""

    code: int
    reason: str
    message: str


LEFT = End(1000, "left", noop("You closed the console."))
ENDED = End(4000, "ended", noop("The session was ended by the server."))
INVALID = End(4400, "invalid", noop("This is no message that is understood here."))
SIGNED_OUT = End(4401, "signed_out", noop("You are signed out."))
BAD_TICKET = End(
    4403, "bad_ticket", noop("This ticket is not good: it opens one console once, within seconds.")
)
NO_ACCESS = End(4404, "no_access", noop("There is no such server."))
IDLE = End(4408, "idle", noop("Nothing was typed for a long time."))
TIME_LIMIT = End(4409, "time_limit", noop("A console stays open for so long and no longer."))
SERVER_OFF = End(4410, "server_off", noop("The server is switched off."))
NO_SCREEN = End(4411, "no_screen", noop("This server has no screen, only a text console."))
NO_SERIAL = End(
    4412, "no_serial", noop("This server has no serial port: without one it has no text console.")
)
NO_CONSOLE = End(
    4414, "no_console", noop("This server has neither a screen nor a serial port to look at.")
)
OTHER_GUEST = End(
    4415,
    "other_guest",
    noop("It is not certain that this guest still is your server. Try again soon."),
)
TOO_SLOW = End(4416, "too_slow", noop("What was sent was not read for too long."))
TOO_MANY = End(4417, "too_many", noop("You have too many consoles open."))
TOO_MUCH = End(4429, "too_much", noop("More was sent than the server takes."))
LOST = End(4502, "lost", noop("The connection to the server's console was lost."))
UNREACHABLE = End(4503, "unreachable", noop("Proxmox does not answer."))
DENIED = End(4504, "denied", noop("The panel may not open consoles here. Please tell its staff."))
REFUSED = End(4505, "refused", noop("Proxmox did not open the console."))
FAILED = End(4500, "failed", noop("The console failed. Please try again."))
VANISHED = End(1001, "process_ended", noop("The panel's process that relayed it ended."))


class Over(Exception):
    """The console cannot be opened, or cannot go on."""

    def __init__(self, end: End) -> None:
        super().__init__(end.reason)
        self.end = end
