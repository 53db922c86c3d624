"""Where people are told: to be read, without what is secret about it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from alerts import rule_words
from alerts.models import NotificationChannel


@admin.register(NotificationChannel)
class NotificationChannelAdmin(ReadOnly):
    list_display = ("owner", "kind", "where", "enabled", "confirmed_at", "failed_at", "failure")
    list_filter = ("kind", "enabled", ("failed_at", admin.EmptyFieldListFilter))
    search_fields = ("owner__email", "name")
    search_help_text = _("Mail address of the owner, or name of the channel")
    list_select_related = ("owner",)
    fields = (
        "owner", "kind", "name", "where", "enabled", "confirmed_at", "failed_at", "failure",
        "created_at",
    )  # fmt: skip

    @admin.display(description=_("where to"))
    def where(self, channel: NotificationChannel) -> str:
        return rule_words.where(channel)
