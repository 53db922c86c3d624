"""A real mail server on this machine, which misbehaves as it is told."""

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope


@dataclass
class Mailbox:
    """What it answers to RCPT and DATA, and what it was given."""

    rcpt: str = "250 OK"
    data: str = "250 2.0.0 Ok: queued as 4XYZ"
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(self, server, session, envelope: Envelope, address, options):
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope):
        if self.data.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.data


def signed_in(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (b"panel", b"s3cret")
    return AuthResult(success=known, handled=False)


@contextlib.contextmanager
def serving(settings, mailbox, *, tls=None, certificates=None, auth=False):
    """Has Django send to it. `tls`: None, "starttls" or "implicit"."""
    context = certificates.context() if tls else None
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=free_port(),
        ssl_context=context if tls == "implicit" else None,
        tls_context=context if tls == "starttls" else None,
        require_starttls=tls == "starttls",
        authenticator=signed_in if auth else None,
        auth_required=auth,
        auth_require_tls=tls == "starttls",
    )
    controller.start()
    settings.EMAIL_BACKEND = "alerts.channels.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = tls == "starttls", tls == "implicit"
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_TIMEOUT = 5
    try:
        yield controller
    finally:
        controller.stop()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def talking(settings, talk):
    """A server of a few lines: `talk(connection)` for each that connects."""
    stopped = threading.Event()

    def accept():
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection):
        with contextlib.suppress(OSError, ssl.SSLError), connection:
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        settings.EMAIL_BACKEND = "alerts.channels.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = listening.getsockname()
        settings.EMAIL_HOST_USER, settings.EMAIL_TIMEOUT = "", 5
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield
        stopped.set()
        thread.join()


def drip(connection):
    """A byte now and then, and never the end of a line."""
    for _ in range(1000):
        connection.sendall(b"2")
        time.sleep(0.05)
