"""In whose language, and by whose clock, somebody is answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from accounts import zones
from accounts.models import User

Answer = Callable[[HttpRequest], HttpResponse]


def persons_locale(get_response: Answer) -> Answer:
    """Middleware: one's own language and time zone; by cookie and browser for whoever has none.

    What comes with a token is a program's, whoever it works for: it says itself what it reads.
    """

    def answer(request: HttpRequest) -> HttpResponse:
        reader = reader_of(request)
        language = reader.language if reader else translation.get_language_from_request(request)
        request.LANGUAGE_CODE = language
        with translation.override(language), timezone.override(zone_of(reader)):
            response = get_response(request)
        if reader is None:
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", language)
        return response

    return answer


def reader_of(request: HttpRequest) -> User | None:
    """Who sits at the browser: while one of the staff acts for somebody, that is the staff's."""
    # Nobody's requests ask the database nothing, so they are answered when it is away.
    if "Authorization" in request.headers or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    reader = getattr(request, "acting_staff", None) or request.user
    return reader if isinstance(reader, User) else None


def zone_of(person: User | None) -> ZoneInfo:
    name = person.time_zone if person else settings.TIME_ZONE
    return ZoneInfo(name if name in zones.known() else settings.TIME_ZONE)


@contextmanager
def of_person(person: User | None) -> Iterator[None]:
    """Their language and time zone, for what is written to one person outside of a request."""
    language = person.language if person else settings.LANGUAGE_CODE
    with translation.override(language), timezone.override(zone_of(person)):
        yield
