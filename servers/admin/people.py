"""People on the staff site, with what they own and what may be done for them."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import on_behalf, roles
from accounts.admin import PersonAdmin
from accounts.audit import Actor
from accounts.models import Source, User
from servers import live, ownership
from servers.models import Server

# More are a click away, in the list of servers.
SERVERS_SHOWN = 100


@admin.register(User)
class OwnerAdmin(PersonAdmin):
    tell = staticmethod(live.signed_out)
    change_form_template = "admin/accounts/user/person.html"

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """What they own is nobody's first, as by any other change of the owner."""
        actor, now = Actor.of(request, Source.ADMIN), timezone.now()
        with transaction.atomic():
            ownership.assign(Server.objects.filter(owner=obj), None, actor=actor, now=now)
            super().delete_model(request, obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        person = self.get_object(request, object_id)
        more = for_person(request.user, person) if isinstance(person, User) else {}
        context = {**(extra_context or {}), **more}
        return super().change_view(request, object_id, form_url, context)


def for_person(viewer: Any, person: User) -> dict[str, object]:
    owned = owned_by(person)
    return {
        "owned": owned[:SERVERS_SHOWN],
        "owned_number": owned.count(),
        "may_assign": viewer.has_perm(roles.DESCRIBE),
        "may_act_for": on_behalf.may_act(hijacker=viewer, hijacked=person),
    }


def owned_by(person: User) -> QuerySet[Server]:
    owned = Server.objects.filter(owner=person, present=True)
    return owned.select_related("cluster").order_by("name", "pk")
