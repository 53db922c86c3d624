"""The real API's own schema: which calls exist, what they take and what they answer.

    schema = Schema.load(folder)
    schema.operation("GET", "/nodes/pve1/qemu/100/config")  -> Operation, or NotInTheApi
    schema.check_params("GET", path, {"current": 1})         -> [] or what is wrong, in words
    schema.check_reply("GET", path, data)                    -> [] or what is wrong, in words

    schema.check_requests(adapter.requests)                  -> the same for all that was sent

`data` is the content of the reply's `data`. Names and numbers in paths are concrete, as sent;
percent-encoded segments are fine.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

_NUMERIC = re.compile(r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$")
_INDEXED = re.compile(r"^(?P<stem>.+?)\d+$")


class NotInTheApi(LookupError):
    """Proxmox has no such path, or not with this method."""


class Sent(Protocol):
    """A call that was made; `path` is under /api2/json."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def params(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Operation:
    method: str
    template: str
    parameters: dict[str, dict[str, Any]]
    returns: dict[str, Any]
    permissions: dict[str, Any]

    def path_values(self, path: str) -> dict[str, str]:
        found = _pattern(self.template).match(path)
        values = found.groupdict() if found else {}
        return {name.replace("__", "-"): unquote(text) for name, text in values.items()}

    def parameter(self, name: str) -> dict[str, Any] | None:
        """The parameter, also where the schema counts: `net[n]` for `net0`."""
        indexed = _INDEXED.match(name)
        return self.parameters.get(name) or (
            self.parameters.get(f"{indexed['stem']}[n]") if indexed else None
        )


class Schema:
    def __init__(self, paths: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
        self._operations = {
            (method, template): Operation(
                method,
                template,
                described.get("parameters", {}).get("properties", {}),
                described.get("returns", {}),
                described.get("permissions", {}),
            )
            for template, methods in paths.items()
            for method, described in methods.items()
        }

    @classmethod
    def load(cls, folder: Path) -> "Schema":
        return cls(json.loads((folder / "pve-api.json").read_text())["paths"])

    def described(self, method: str, template: str) -> Operation:
        """The operation with exactly this template."""
        try:
            return self._operations[method, template]
        except KeyError:
            raise NotInTheApi(f"{method} {template}") from None

    def operation(self, method: str, path: str) -> Operation:
        """The operation a concrete path means; fixed segments win over placeholders."""
        fits = [
            operation
            for (verb, template), operation in self._operations.items()
            if verb == method and _pattern(template).match(path)
        ]
        if not fits:
            raise NotInTheApi(f"{method} {path}")
        return min(fits, key=lambda operation: operation.template.count("{"))

    def check_params(self, method: str, path: str, params: Mapping[str, object]) -> list[str]:
        operation = self.operation(method, path)
        given = {**operation.path_values(path), **params}
        problems = [
            f"{name}: is not a parameter of {method} {operation.template}"
            for name in given
            if operation.parameter(name) is None
        ]
        for name, described in operation.parameters.items():
            if not described.get("optional") and name not in given and "[n]" not in name:
                problems.append(f"{name}: is missing")
        for name, value in given.items():
            declared = operation.parameter(name)
            if declared is not None:
                problems += check_value(_as_sent(value), declared, name)
        return problems

    def check_requests(self, requests: Iterable[Sent]) -> list[str]:
        """What is wrong with calls that a client made, such as `SimulatedAdapter.requests`."""
        problems = []
        for request in requests:
            try:
                found = self.check_params(request.method, request.path, request.params)
            except NotInTheApi:
                found = ["is not in the API"]
            problems += [f"{request.method} {request.path}: {problem}" for problem in found]
        return problems

    def check_reply(self, method: str, path: str, data: object) -> list[str]:
        return check_value(data, self.operation(method, path).returns, "data")


def check_value(value: object, described: Mapping[str, Any], where: str) -> list[str]:
    """What the schema has against a value. PVE sends booleans as 0 and 1, and some numbers as
    text, so those pass."""
    match described.get("type", "any"):
        case "null":
            return [] if value is None else [f"{where}: {value!r} is not null"]
        case "object":
            return list(_check_object(value, described, where))
        case "array":
            if not isinstance(value, list):
                return [f"{where}: {value!r} is not an array"]
            items = described.get("items", {})
            return [
                problem
                for index, item in enumerate(value)
                for problem in check_value(item, items, f"{where}[{index}]")
            ]
        case "any":
            return []
        case scalar:
            return list(_check_scalar(value, scalar, described, where))


def _check_object(value: object, described: Mapping[str, Any], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is not an object"
        return
    properties = described.get("properties", {})
    for name, item in properties.items():
        if name in value:
            yield from check_value(value[name], item, f"{where}.{name}")
        elif not item.get("optional") and "[n]" not in name:
            yield f"{where}.{name}: is missing"


def _check_scalar(
    value: object, type: str, described: Mapping[str, Any], where: str
) -> Iterator[str]:
    if not _is_a(value, type):
        yield f"{where}: {value!r} is not a {type}"
        return
    enum = described.get("enum")
    if enum and str(value) not in enum:
        yield f"{where}: {value!r} is none of {enum}"
    number = float(str(value)) if type in ("integer", "number") else None
    if number is not None and number < described.get("minimum", number):
        yield f"{where}: {value!r} is under {described['minimum']}"
    if number is not None and number > described.get("maximum", number):
        yield f"{where}: {value!r} is over {described['maximum']}"
    if type == "string":
        yield from _check_length(str(value), described, where)


def _check_length(text: str, described: Mapping[str, Any], where: str) -> Iterator[str]:
    if not described.get("minLength", 0) <= len(text) <= described.get("maxLength", len(text)):
        yield f"{where}: {text!r} has a length that is not allowed"


def _is_a(value: object, type: str) -> bool:
    match type:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return value in (0, 1, "0", "1")
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, str) and value.lstrip("-").isdigit()
            )
        case "number":
            return (isinstance(value, int | float) and not isinstance(value, bool)) or (
                isinstance(value, str) and _NUMERIC.match(value) is not None
            )
    return True


def _as_sent(value: object) -> object:
    """A parameter as it travels in a form."""
    return int(value) if isinstance(value, bool) else value


def _pattern(template: str) -> re.Pattern[str]:
    found = _PATTERNS.get(template)
    if found is None:
        source = re.sub(
            r"\{([^}]+)\}", lambda match: f"(?P<{match[1].replace('-', '__')}>[^/]+)", template
        )
        found = _PATTERNS[template] = re.compile(f"^{source}$")
    return found


_PATTERNS: dict[str, re.Pattern[str]] = {}
