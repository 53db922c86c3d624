"""One of the staff in a customer's place: what the customer sees and may do, by the staff's hand.

The browser's session becomes the customer's, so that pages, API, sockets and consoles show and
allow what the customer would get; that it is one of the staff stands in the session, and from there
in everything that is recorded. django-hijack exchanges the sessions; who may, and for how long, is
decided here, at each request anew.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from accounts import roles
from accounts.models import User

# Where django-hijack keeps who it really is, the latest last.
HISTORY = "hijack_history"
# What stands for the staff's own password: another one ends this too.
STAFF_HASH = "acting_staff_hash"


def may_act(*, hijacker: User, hijacked: User) -> bool:
    """For customers alone: nobody gets another one's rights as staff by it."""
    return (
        hijacker.is_active
        and hijacker.has_perm(roles.ACT_ON_BEHALF)
        and hijacked.is_active
        and not (hijacked.is_staff or hijacked.is_superuser or hijacked.role)
    )


def staff_id_of(session: Mapping[str, Any]) -> int | None:
    history = session.get(HISTORY)
    return int(history[-1]) if history else None


def staff_hash_of(session: Mapping[str, Any]) -> str:
    return str(session.get(STAFF_HASH, ""))


def acting_on_behalf(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: `request.acting_staff`. A session whose staff may not any more has ended."""

    def answer(request: HttpRequest) -> HttpResponse:
        staff_id = staff_id_of(request.session)
        if staff_id is not None:
            staff = User.objects.filter(pk=staff_id).first()
            customer = request.user
            if (
                staff is None
                or not isinstance(customer, User)
                or not constant_time_compare(
                    staff_hash_of(request.session), staff.get_session_auth_hash()
                )
                or not may_act(hijacker=staff, hijacked=customer)
            ):
                logout(request)
            else:
                request.acting_staff = staff  # type: ignore[attr-defined]
        return get_response(request)

    return answer


def still_acting(staff_ids: set[int]) -> dict[int, str]:
    """Those of them who may still act for customers, with what stands for their passwords."""
    people = User.objects.filter(pk__in=staff_ids, is_active=True)
    return {
        person.pk: person.get_session_auth_hash()
        for person in people
        if person.has_perm(roles.ACT_ON_BEHALF)
    }
