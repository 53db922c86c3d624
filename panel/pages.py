"""What every page is rendered with, and the brand's own files."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from panel.brand import Brand

FOREVER = "public, max-age=31536000, immutable"
# A picture runs nothing, whatever stands in it, also where somebody opens it by itself.
HARMLESS = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


def brand(request: HttpRequest) -> dict[str, object]:
    own: Brand = settings.BRAND
    files: dict[str, object] = {"brand_name": own.name}
    if own.sheet:
        files["brand_sheet"] = f"{reverse('brand-sheet')}?v={own.sheet_version}"
    if own.logo:
        files["brand_logo"] = f"{reverse('brand-logo')}?v={own.logo.version}"
        files["brand_attention"] = f"{reverse('brand-attention')}?v={own.logo.version}"
    return files


@require_safe
def brand_sheet(request: HttpRequest) -> HttpResponse:
    own: Brand = settings.BRAND
    return kept(own.sheet.encode(), "text/css; charset=utf-8")


@require_safe
def brand_logo(request: HttpRequest) -> HttpResponse:
    own: Brand = settings.BRAND
    return picture(own.logo.data, own.logo.type) if own.logo else nothing()


@require_safe
def brand_attention(request: HttpRequest) -> HttpResponse:
    own: Brand = settings.BRAND
    return picture(own.logo.with_mark().encode(), "image/svg+xml") if own.logo else nothing()


def picture(data: bytes, type: str) -> HttpResponse:
    response = kept(data, type)
    response["Content-Security-Policy"] = HARMLESS
    return response


def kept(data: bytes, type: str) -> HttpResponse:
    """Another one has another address."""
    return HttpResponse(data, content_type=type, headers={"Cache-Control": FOREVER})


def nothing() -> HttpResponse:
    raise Http404
