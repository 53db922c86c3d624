"""Django's SMTP backend, which keeps what the mail server answered and comes to an end.

In the settings' place for EMAIL_BACKEND wherever EMAIL_URL names an SMTP server.
"""

import smtplib
import socket
from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from alerts.channels.base import printable
from alerts.channels.deadline import Deadline

# Below delivery.CLAIM_LASTS: nobody else begins while one still talks.
SECONDS = 150
# A mail server may look at a mail for long before it takes it, and who hangs up sends it twice.
DATA_SECONDS = 90


class Talk(smtplib.SMTP):
    """One connection, under a deadline that is set on a class of its own."""

    deadline: Deadline
    answer = ""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self.deadline.watch(connection)
        return connection

    def data(self, msg: Any) -> tuple[int, bytes]:
        if self.sock is not None:
            self.sock.settimeout(DATA_SECONDS)
        code, said = super().data(msg)
        self.answer = printable(f"{code} {said.decode(errors='replace')}")
        return code, said


class SecretTalk(smtplib.SMTP_SSL, Talk):
    """The same under TLS from the first byte; SMTP_SSL asks the next class for the socket."""


class EmailBackend(smtp.EmailBackend):
    answer = ""
    _partial_connection: smtplib.SMTP | None

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        with Deadline(SECONDS) as self.deadline:
            return super().send_messages(email_messages)

    @property
    def connection_class(self) -> Any:
        base = SecretTalk if self.use_ssl else Talk
        return type("WatchedTalk", (base,), {"deadline": self.deadline})

    def open(self) -> bool | None:
        try:
            return super().open()
        except OSError:
            # Django leaves one open whose sign-in failed, until the backend is used again.
            if self._partial_connection is not None:
                self._partial_connection.close()
                self._partial_connection = None
            raise

    def close(self) -> None:
        if isinstance(self.connection, Talk):
            self.answer = self.connection.answer
        super().close()
