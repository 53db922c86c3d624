"""How a person likes the list of servers."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class ListView(models.Model):
    """Layout, order and columns of the list, as this person last chose them."""

    class Layout(models.TextChoices):
        ROWS = "rows", _("rows")
        CARDS = "cards", _("cards")

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="list_view",
        verbose_name=_("person"),
    )
    layout = models.CharField(
        _("layout"), max_length=5, choices=Layout.choices, default=Layout.ROWS
    )
    sort = models.CharField(_("order"), max_length=16, default="name")
    # Names of the columns that are not wanted.
    hidden = models.JSONField(_("hidden columns"), default=list)

    class Meta:
        verbose_name = _("view of the list")
        verbose_name_plural = _("views of the list")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.layout}"
