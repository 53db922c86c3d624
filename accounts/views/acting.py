"""Stepping into a customer's place, and out of it again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from hijack.views import AcquireUserView, ReleaseUserView

from accounts import audit, on_behalf, roles
from accounts.audit import Actor
from accounts.models import Source, User
from accounts.tokens import tell_nobody


class BeginActing(AcquireUserView):  # type: ignore[misc]
    """POST with `user_pk`; 403 for who may not, whoever it names, or of whom nobody may."""

    raise_exception = True

    def get_object(self, queryset: Any = None) -> Any:
        if not self.request.user.has_perm(roles.ACT_ON_BEHALF):
            raise PermissionDenied
        number = self.request.POST["user_pk"]
        if not (number.isdecimal() and len(number) < 19):
            raise Http404
        return super().get_object(queryset)

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        staff: Any = request.user
        customer = self.get_object()
        note("acting.began", request, customer, staff=staff)
        response = seen_other(super().post(request, *args, **kwargs))
        request.session[on_behalf.STAFF_HASH] = staff.get_session_auth_hash()
        return response

    def get_success_url(self) -> str:
        return reverse("server-list")


class EndActing(ReleaseUserView):  # type: ignore[misc]
    """Back to oneself, and to where one came from: the customer's page on the staff site."""

    tell: Callable[[int], None] = staticmethod(tell_nobody)

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        customer = request.user
        note("acting.ended", request, customer, staff=getattr(request, "acting_staff", None))
        self.customer_id = int(customer.pk or 0)
        response = seen_other(super().post(request, *args, **kwargs))
        # The session that its sockets were opened with is gone.
        self.tell(self.customer_id)
        return response

    def get_success_url(self) -> str:
        return reverse("admin:accounts_user_change", args=[self.customer_id])


def seen_other(response: HttpResponse) -> HttpResponse:
    response.status_code = 303
    return response


def note(event: str, request: HttpRequest, customer: Any, *, staff: Any) -> None:
    address = Actor.of(request, Source.WEB).address
    audit.record(
        event,
        actor=Actor(customer, Source.WEB, address, staff if isinstance(staff, User) else None),
        now=datetime.now(UTC),
        object_type="user",
        object_id=customer.pk,
    )
