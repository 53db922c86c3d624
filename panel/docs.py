"""The browsable page of the API."""

from typing import Any

from csp.decorators import csp_update
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularSwaggerSplitView


def api_docs(view: type[SpectacularSwaggerSplitView]) -> Any:
    """Swagger UI sets styles on its elements, which our policy forbids everywhere else."""
    relaxed = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})
    return relaxed(view.as_view(url_name="api:schema"))


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How our access tokens are described in the document."""

    target_class = "accounts.tokens.SessionJWTAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
