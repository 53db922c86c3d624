"""The same over SMTP, by Django's own backend, to a mail server of a few lines."""

import socketserver
import threading
from dataclasses import dataclass, field

import pytest

from alerts import delivery, outbox


@dataclass
class MailServer:
    """Answers RCPT with `answer`, or hangs up there if it has none; keeps what it was given."""

    answer: str | None = "250 OK"
    mails: list[str] = field(default_factory=list)

    def talk(self, lines, say):
        say("220 mail.example.com")
        for line in lines:
            match line.split(" ")[0].strip().upper():
                case "QUIT":
                    return
                case "RCPT" if self.answer is None:
                    return
                case "RCPT":
                    say(self.answer)
                case "DATA":
                    say("354 Go on")
                    self.mails.append("".join(iter(lambda: next(lines), ".\r\n")))
                    say("250 Taken")
                case _:
                    say("250 OK")


@pytest.fixture
def mail_server(settings):
    server = MailServer()

    class Talk(socketserver.StreamRequestHandler):
        def handle(self):
            lines = (line.decode() for line in self.rfile)
            server.talk(lines, lambda said: self.wfile.write(f"{said}\r\n".encode()))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk) as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = listening.server_address
        settings.EMAIL_HOST_USER, settings.EMAIL_TIMEOUT = "", 5
        yield server
        listening.shutdown()


def deliver(notification, clock):
    delivery.deliver(notification.pk, clock=clock)
    notification.refresh_from_db()


def test_it_arrives(ann, clock, mail_server):
    told = outbox.tell(
        ann, subject="до обновления\r\nBcc: x@y.z", body="Готово\n.\nend", key=None, now=clock()
    )
    deliver(told, clock)

    assert told.status == "sent"
    [mail] = mail_server.mails
    assert "To: ann@example.com" in mail
    assert f"Message-ID: <notification.{told.pk}." in mail
    assert "\r\nBcc" not in mail


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ("550 5.1.1 No such user", "given_up", "550 5.1.1 No such user"),
        ("450 4.2.0 Greylisted", "failed", "450 4.2.0 Greylisted"),
        (None, "failed", "Connection unexpectedly closed"),
    ],
)
def test_what_the_mail_server_says_is_kept(told, clock, mail_server, answer, status, error):
    mail_server.answer = answer
    deliver(told, clock)

    assert (told.status, told.error) == (status, error)
    assert mail_server.mails == []
    mail_server.answer = "250 OK"
    clock.pass_by(60)
    deliver(told, clock)
    assert len(mail_server.mails) == (status == "failed")
