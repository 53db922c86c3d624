"""Letters about a channel itself."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from alerts.letters.letter import Letter, letter


def of_test(user: User) -> Letter:
    with translation.override(user.language):
        return letter(
            _("A test from %(brand)s") % {"brand": settings.BRAND_NAME},
            _("If you read this, alerts get here. Nothing has happened to your servers."),
        )


def of_confirmation(user: User) -> Letter:
    """The link itself is put in as it is sent."""
    with translation.override(user.language):
        return letter(
            _("Do you want alerts from %(brand)s here?") % {"brand": settings.BRAND_NAME},
            _("%(person)s wants to have alerts about servers sent to this address.")
            % {"person": user.email},
            _(
                "If that is right, confirm it with the link below. If you do not know what this "
                "is about, do nothing, and no other mail will come."
            ),
        )
