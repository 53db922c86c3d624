"""Where people are told: to be read, without what is secret about it."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin import ReadOnly
from accounts.codes import filter_by
from alerts import failings, rule_words
from alerts.channels import ALL
from alerts.models import NotificationChannel

KINDS = {channel.kind: channel.label for channel in ALL}


@admin.register(NotificationChannel)
class NotificationChannelAdmin(ReadOnly):
    list_display = ("owner", "how", "where", "enabled", "confirmed_at", "failed_at", "why")
    list_filter = (
        filter_by("kind", _("kind"), KINDS), "enabled", ("failed_at", admin.EmptyFieldListFilter),
    )  # fmt: skip
    search_fields = ("owner__email", "name")
    search_help_text = _("Mail address of the owner, or name of the channel")
    list_select_related = ("owner",)
    fields = (
        "owner", "how", "name", "where", "enabled", "confirmed_at", "failed_at", "why",
        "created_at",
    )  # fmt: skip

    @admin.display(description=_("kind"), ordering="kind")
    def how(self, channel: NotificationChannel) -> str:
        return str(KINDS.get(channel.kind, channel.kind))

    @admin.display(description=_("why"))
    def why(self, channel: NotificationChannel) -> str:
        return failings.shown(channel.failure)

    @admin.display(description=_("where to"))
    def where(self, channel: NotificationChannel) -> str:
        return rule_words.where(channel)
