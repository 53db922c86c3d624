"""Mail, by Django's backends: SMTP as EMAIL_URL says."""

import re
from email.mime.image import MIMEImage
from email.utils import parseaddr
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts import failings
from alerts.channels import smtp
from alerts.channels.base import Hopeless, Message, Postponed, Refused, Secret, printable
from servers.operations import Invalid

# What the HTML calls the picture: cid:chart.
PICTURE = "chart"
# RFC 3463: there is no such address or mailbox. Other permanent refusals are about us, about this
# mail or about a mailbox that is full, and say nothing against the address.
NO_SUCH_ADDRESS = re.compile(r"5\.(1\.(?:[0-6]|10)|2\.1)\b")
ENHANCED = re.compile(r"5\.[0-9]{1,3}\.[0-9]{1,3}\b")


class Mail:
    kind = "mail"
    label = gettext_lazy("Mail")
    target_label = gettext_lazy("Mail address")
    must_confirm = True
    secret = Secret.NONE
    ends_with_the_day = False
    is_dressed = True

    def checked(self, target: str) -> str:
        address = target.strip()
        try:
            validate_email(address)
        except ValidationError:
            raise Invalid("target", _("This is not a mail address.")) from None
        if len(address) > 254:
            raise Invalid("target", _("It is too long."))
        return address

    def checked_secret(self, secret: str) -> str:
        raise Invalid("secret", _("Mail has no secret."))

    def shown(self, target: str) -> str:
        return target

    def send(self, message: Message) -> str:
        connection = get_connection()
        try:
            sent = mail_of(message, connection).send()
        except SMTPRecipientsRefused as error:
            raise refused(error) from error
        except SMTPDataError as error:
            raise not_taken(error) from error
        except SMTPResponseException as error:
            raise Postponed(words_of(error.smtp_code, error.smtp_error)) from error
        except OSError:  # before ValueError, as a bad certificate is both
            raise
        except ValueError as error:
            raise Hopeless(failings.NO_MAIL % {"error": printable(str(error))}) from error
        if not sent:
            raise Hopeless(failings.NO_ADDRESS)
        return connection.answer if isinstance(connection, smtp.EmailBackend) else ""


def mail_of(message: Message, connection: Any) -> EmailMultiAlternatives:
    notification = message.notification
    mail = EmailMultiAlternatives(
        notification.subject,
        "\n".join(filter(None, (notification.body, message.footer))),
        settings.DEFAULT_FROM_EMAIL,
        [message.target],
        connection=connection,
        headers=headers_of(message),
    )
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    if message.html and message.picture:
        mail.mixed_subtype = "related"  # type: ignore[attr-defined]  # the stubs leave it out
        mail.attach(shown_inline(message.picture))
    return mail


def headers_of(message: Message) -> dict[str, str]:
    headers = {
        "Message-ID": message_id(message.event),
        # No out-of-office notes, please (RFC 3834).
        "Auto-Submitted": "auto-generated",
    }
    if message.answers:
        headers["In-Reply-To"] = headers["References"] = message_id(message.answers)
    if message.unsubscribe:
        # With one click, in the mail program itself (RFC 8058).
        headers["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def shown_inline(picture: bytes) -> MIMEImage:
    part = MIMEImage(picture, "png")
    part.add_header("Content-ID", f"<{PICTURE}>")
    part.add_header("Content-Disposition", "inline", filename="chart.png")
    return part


def message_id(event: str) -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{event}@{domain}>"


def refused(error: SMTPRecipientsRefused) -> Exception:
    """5xx is the mail server's last word (RFC 5321, 4.2.1), all others are for now."""
    [(code, said)] = error.recipients.values() or [(0, b"")]
    words = words_of(code, said)
    if 500 <= code < 600 and (NO_SUCH_ADDRESS.search(words) or not ENHANCED.search(words)):
        return Refused(words)
    return Postponed(words)


def not_taken(error: SMTPDataError) -> Exception:
    """Some servers look at the recipient after the mail, and some do not like what is in it."""
    words = words_of(error.smtp_code, error.smtp_error)
    if not 500 <= error.smtp_code < 600:
        return Postponed(words)
    return Refused(words) if NO_SUCH_ADDRESS.search(words) else Hopeless(words)


def words_of(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return printable(f"{code} {text}")
