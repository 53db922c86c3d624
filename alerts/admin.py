"""What people were told, on the staff site: to be read, never changed."""

from django.contrib import admin

from accounts.admin import ReadOnly
from alerts.models import Notification


@admin.register(Notification)
class NotificationAdmin(ReadOnly):
    list_display = (
        "created_at", "address", "subject", "server", "status", "attempts", "sent_at",
        "next_attempt_at", "error",
    )  # fmt: skip
    list_filter = ("status",)
    search_fields = ("address", "subject", "server__name")
    date_hierarchy = "created_at"
    list_select_related = ("server",)
    # Counting all of a table that grows for years would cost more than the page.
    show_full_result_count = False
    fields = (
        "created_at", "recipient", "address", "server", "subject", "body", "status", "attempts",
        "next_attempt_at", "sent_at", "error",
    )  # fmt: skip
