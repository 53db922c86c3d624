"""Letters that lead to a password: the link itself is put in as they are sent."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from alerts.letters.letter import Letter, letter


def of_invitation(user: User) -> Letter:
    with translation.override(user.language):
        return letter(
            _("Your servers at %(brand)s") % {"brand": settings.BRAND_NAME},
            _("There is an account for you, %(person)s. You can start and stop your servers "
              "there, open their consoles, take snapshots, and see how they are.")
            % {"person": user.email},
            _("Choose your password by the link below, and you are in."),
            lasting(),
        )  # fmt: skip


def of_password(user: User) -> Letter:
    with translation.override(user.language):
        return letter(
            _("A new password for %(brand)s") % {"brand": settings.BRAND_NAME},
            _("Somebody, probably you, asked for a new password for %(person)s. By the link "
              "below you choose one.")
            % {"person": user.email},
            _("If it was not you, do nothing: your password stays as it is."),
            lasting(),
        )  # fmt: skip


def lasting() -> str:
    days = max(1, settings.PASSWORD_RESET_TIMEOUT // 86400)
    words = ngettext(
        "The link is good for %(days)d day, and once.",
        "The link is good for %(days)d days, and once.",
        days,
    )
    return words % {"days": days}
