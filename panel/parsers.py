"""What the API reads of a body: JSON of a size and a depth that a request here can have."""

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

LARGEST_BODY = 1024 * 1024
# The half of a pair that JSON writes some characters as; alone it is none.
HALF = re.compile(rb"\\u[dD][89a-fA-F]")


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
            raise RequestDataTooBig(
                _("A body may have %(most)s bytes at most.") % {"most": LARGEST_BODY}
            )
        # JSON is UTF-8; a charset in the header could name a codec that is none for text.
        context = {**(parser_context or {}), "encoding": "utf-8"}
        try:
            data = super().parse(BytesIO(body), media_type, context)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        if HALF.search(body) and not is_text(data):
            text = _("The JSON holds half a character, which nothing can store or answer.")
            raise ParseError(text)
        return data


def is_text(data: object) -> bool:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
