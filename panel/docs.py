"""The browsable page of the API."""

from typing import Any

from csp.decorators import csp_update
from django.http import HttpRequest
from django.utils import translation
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView


def api_docs(view: type[SpectacularSwaggerSplitView]) -> Any:
    """Swagger UI sets styles on its elements, which our policy forbids everywhere else."""
    relaxed = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})
    return relaxed(view.as_view(url_name="api:schema"))


class EnglishDocument(SpectacularAPIView):
    """It is for programs and those who write them: one document, whoever asks."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with translation.override("en"):
            answer: Any = super().dispatch(request, *args, **kwargs)
            # Before Django does it, in whatever language then.
            answer.render()
        answer.headers["Content-Language"] = "en"
        return answer


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How our access tokens are described in the document."""

    target_class = "accounts.tokens.SessionJWTAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
