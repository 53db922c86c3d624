"""No secret reaches a log."""

import logging
import re

# API tokens as Proxmox writes them, VNC tickets, JWTs, the signatures of links in mails, and
# whatever is called a password.
SECRETS = re.compile(
    r"(PVEAPIToken=[^=\s]+=)[^\s'\",}]+"
    r"|(PVE(?:VNC)?:[^:\s]+:[0-9A-F]+::)[A-Za-z0-9+/=]+"
    r"|(eyJ[A-Za-z0-9_-]{5,}\.)[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"
    r"|(/password/set/[^\s/]*/)[^\s/'\"]+"
    r"|(/setup/begin/)[^\s/'\"]+"
    r"|(/alerts/link/[^\s:/]*:[^\s:/]*:)[^\s/'\"]+"
    r"|((?:password|secret|cipassword|token)['\"]?\s*[:=]\s*['\"]?)[^\s'\",}&]+",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    return SECRETS.sub(lambda found: next(filter(None, found.groups())) + "[redacted]", text)


def message_of(record: logging.LogRecord) -> str:
    """A filter's exception would reach whoever logs: what cannot be formatted is told as it is,
    without its arguments, which nobody could clean."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return str(record.msg)


class RedactSecrets(logging.Filter):
    """The last net: the texts of a record, its arguments and its traceback are cleaned."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(message_of(record))
        record.args = ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
