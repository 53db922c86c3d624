"""How the API's answers become bytes."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

# Decimals are numbers, and what JSON does not know becomes what Django REST framework makes of it.
ENCODER = msgspec.json.Encoder(decimal_format="number", enc_hook=JSONEncoder().default)


class QuickJSONRenderer(JSONRenderer):
    """As the framework's, by an encoder that takes a fraction of the time for a list of servers."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None or self.get_indent(accepted_media_type or "", renderer_context or {}):
            written: bytes = super().render(data, accepted_media_type, renderer_context)
            return written
        try:
            return ENCODER.encode(data)
        except TypeError:
            # Such as a kind of str or int of somebody's own.
            written = super().render(data, accepted_media_type, renderer_context)
            return written
