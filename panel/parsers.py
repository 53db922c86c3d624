"""What the API reads of a body: JSON of a size and a depth that a request here can have."""

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

LARGEST_BODY = 1024 * 1024


class BoundedJSONParser(JSONParser):
    """Bodies that would only cost memory or the stack are refused before they do."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise RequestDataTooBig(f"A body may have {LARGEST_BODY} bytes at most.")
        # JSON is UTF-8; a charset in the header could name a codec that is none for text.
        context = {**(parser_context or {}), "encoding": "utf-8"}
        try:
            return super().parse(BytesIO(body), media_type, context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
