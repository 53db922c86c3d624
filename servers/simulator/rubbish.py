"""A good answer made bad: what a proxy, a bug or a bad day can put into a 200."""

import msgspec

from servers.simulator.faults import Garbage

_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in</body></html>"
_KEPT = ("id", "type")


def spoil(kind: Garbage, envelope: dict[str, object]) -> tuple[str, bytes]:
    """Content type and body."""
    json = "application/json;charset=UTF-8"
    whole = msgspec.json.encode(envelope)
    plain = msgspec.json.decode(whole, type=dict[str, object])
    match kind:
        case Garbage.HTML:
            return "text/html;charset=UTF-8", _HTML
        case Garbage.TRUNCATED:
            return json, whole[: max(1, len(whole) * 2 // 3)]
        case Garbage.NO_DATA:
            return json, b'{"success":1}'
        case Garbage.NULL:
            return json, b'{"data":null}'
        case Garbage.SCALAR:
            return json, b'{"data":42}'
        case Garbage.STRINGS:
            return json, msgspec.json.encode(_worded(plain))
        case Garbage.MISSING:
            return json, msgspec.json.encode({"data": _stripped(plain["data"])})


def _worded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _worded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_worded(item) for item in value]
    return "n/a" if isinstance(value, int | float) else value


def _stripped(value: object) -> object:
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if name in _KEPT}
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return value
