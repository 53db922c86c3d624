"""Every route of the simulator is a call of the real API, with the same parameters and rights."""

from dataclasses import dataclass

import pytest

from servers.simulator.parameters import Parameter
from servers.simulator.routes import Route
from servers.simulator.wire import ROUTES

# The schema's names for what a parameter may be, beside ours.
ATTRIBUTES = {
    "minimum": "minimum",
    "maximum": "maximum",
    "min_length": "minLength",
    "max_length": "maxLength",
}
# Formats the simulator leaves unchecked: it takes the value as text.
UNCHECKED_FORMATS = {"pve-configid-list", "pve-task-status-type-list"}
# `node` is checked by the route, `upid` has no format in the schema.

each_route = pytest.mark.parametrize(
    "route", ROUTES, ids=[f"{route.method} {route.template}" for route in ROUTES]
)


@dataclass(frozen=True)
class Difference:
    what: str
    ours: object
    real: object


def differences(ours: Parameter, real: dict[str, object]) -> list[Difference]:
    pairs: list[tuple[str, object, object]] = [
        ("type", ours.type, real.get("type")),
        ("optional", ours.optional, bool(real.get("optional"))),
        ("enum", list(ours.enum), real.get("enum", [])),
    ]
    if real.get("format") not in UNCHECKED_FORMATS and not isinstance(real.get("format"), dict):
        pairs.append(("format", ours.format, real.get("format", "")))
    pairs += [(name, getattr(ours, name), real.get(key)) for name, key in ATTRIBUTES.items()]
    return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]


@each_route
def test_it_exists(route: Route, schema):
    schema.described(route.method, route.template)


@each_route
def test_its_parameters_are_those_of_the_api(route: Route, schema):
    real = schema.described(route.method, route.template).parameters

    found = {ours.name: differences(ours, real.get(ours.name, {})) for ours in route.parameters}

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@each_route
def test_it_takes_every_required_parameter(route: Route, schema):
    real = schema.described(route.method, route.template).parameters
    required = {
        name for name, one in real.items() if not one.get("optional") and "[n]" not in name
    }

    assert required <= {ours.name for ours in route.parameters}


@each_route
def test_it_needs_the_privileges_of_the_api(route: Route, schema):
    real = schema.described(route.method, route.template).permissions

    if route.needs is None:
        assert real == {"user": "all"}
    else:
        rest = ["any", 1] if route.needs.any else []
        expected = ["perm", route.needs.path, list(route.needs.privileges), *rest]
        assert real.get("check") == expected


def test_no_route_is_there_twice():
    keys = [(route.method, route.template) for route in ROUTES]

    assert len(keys) == len(set(keys))
