"""Parameters of a call, checked as PVE::JSONSchema checks them, with its words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from servers.simulator.refusals import invalid

_TRUE = {"1", "on", "yes", "true"}
_FALSE = {"0", "off", "no", "false"}
_CONFIG_ID = re.compile(r"^[A-Za-z][A-Za-z0-9_-]+$")
_NODE = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$")
_DNS_LABEL = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")
_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$")

Value = str | int


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, in the terms of the API's own schema."""

    name: str
    type: str = "string"
    optional: bool = True
    enum: tuple[str, ...] = ()
    format: str = ""
    minimum: int | None = None
    maximum: int | None = None
    min_length: int | None = None
    max_length: int | None = None


NODE = Parameter("node", optional=False, format="pve-node")
VMID = Parameter(
    "vmid", "integer", optional=False, format="pve-vmid", minimum=100, maximum=999_999_999
)
SNAPNAME = Parameter("snapname", optional=False, format="pve-configid", max_length=40)
UPID = Parameter("upid", optional=False)


def check(declared: tuple[Parameter, ...], given: Mapping[str, str]) -> dict[str, Value]:
    """The values with their types, booleans as 0 and 1; or a 400 that names each fault."""
    errors: dict[str, str] = {}
    values: dict[str, Value] = {}
    known = {parameter.name: parameter for parameter in declared}
    for name, text in given.items():
        parameter = known.get(name)
        if parameter is None:
            errors[name] = (
                "property is not defined in schema and the schema does not allow additional "
                "properties"
            )
            continue
        fault = _fault(parameter, text)
        if fault:
            errors[name] = fault
        else:
            values[name] = _typed(parameter, text)
    for parameter in declared:
        if not parameter.optional and parameter.name not in given:
            errors[parameter.name] = "property is missing and it is not optional"
    if errors:
        raise invalid(errors)
    return values


def _fault(parameter: Parameter, text: str) -> str:
    if not _is_of_type(parameter.type, text):
        return f"type check ('{parameter.type}') failed - got '{text}'"
    malformed = _malformed(parameter.format, text)
    if malformed:
        return f"invalid format - {malformed}\n"
    if parameter.enum and text not in parameter.enum:
        return f"value '{text}' does not have a value in the enumeration '{', '.join(parameter.enum)}'"
    return _out_of_bounds(parameter, text)


def _is_of_type(type: str, text: str) -> bool:
    if type == "integer":
        return re.fullmatch(r"[+-]?\d+", text) is not None
    if type == "boolean":
        return text.lower() in _TRUE | _FALSE
    return True


def _typed(parameter: Parameter, text: str) -> Value:
    if parameter.type == "integer":
        return int(text)
    if parameter.type == "boolean":
        return int(text.lower() in _TRUE)
    return text


def _out_of_bounds(parameter: Parameter, text: str) -> str:
    if parameter.type == "integer":
        if parameter.minimum is not None and int(text) < parameter.minimum:
            return f"value must have a minimum value of {parameter.minimum}"
        if parameter.maximum is not None and int(text) > parameter.maximum:
            return f"value must have a maximum value of {parameter.maximum}"
    if parameter.min_length is not None and len(text) < parameter.min_length:
        return f"value must be at least {parameter.min_length} characters long"
    if parameter.max_length is not None and len(text) > parameter.max_length:
        return f"value may only be {parameter.max_length} characters long"
    return ""


def _malformed(format: str, text: str) -> str:
    """What is wrong with the form of a value, in Proxmox's words; empty when nothing is."""
    match format:
        case "pve-vmid" if not re.fullmatch(r"[1-9][0-9]{2,8}", text):
            return "value does not look like a valid VM ID"
        case "pve-configid" if not _CONFIG_ID.match(text):
            return f"invalid configuration ID '{text}'"
        case "pve-node" if not _NODE.match(text):
            return "value does not look like a valid node name"
        case "dns-name" if not all(_DNS_LABEL.match(label) for label in text.split(".")):
            return "value does not look like a valid DNS name"
        case "pve-tag-list":
            bad = [tag for tag in re.split(r"[;, ]+", text) if tag and not _TAG.match(tag)]
            return "invalid characters in tag" if bad else ""
    return ""
