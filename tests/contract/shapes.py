"""The shape of a JSON value: its keys and types, and how two shapes differ."""

from typing import Any

# What names a row of a list, in the order in which it is looked for.
IDENTITIES = ("id", "vmid", "name", "node")


def differences(real: Any, ours: Any, where: str = "body") -> list[str]:
    """What the real value has that ours lacks, what ours invents, and types that differ.

    Rows of lists are compared with the row of the same identity, or, where there is none, with
    any row of the other side.
    """
    if _type(real) != _type(ours):
        return [f"{where}: really {_type(real)}, here {_type(ours)}"]
    if isinstance(real, dict):
        found = [f"{where}.{name}: missing" for name in sorted(real.keys() - ours.keys())]
        found += [f"{where}.{name}: invented" for name in sorted(ours.keys() - real.keys())]
        for name in sorted(real.keys() & ours.keys()):
            found += differences(real[name], ours[name], f"{where}.{name}")
        return found
    if isinstance(real, list):
        return _row_differences(real, ours, where)
    return []


def _row_differences(real: list[Any], ours: list[Any], where: str) -> list[str]:
    if bool(real) != bool(ours):
        return [f"{where}: really {len(real)} rows, here {len(ours)}"]
    found: list[str] = []
    for row in real:
        twin = _twin(row, ours)
        if twin is not None:
            found += differences(row, twin, f"{where}[{_identity(row)}]")
    return found


def _twin(row: Any, rows: list[Any]) -> Any:
    """The row to compare with: the one of this identity, else the nearest in shape."""
    same = [other for other in rows if _identity(other) == _identity(row)]
    return min(same or rows, key=lambda other: len(differences(row, other)), default=None)


def _identity(row: Any) -> object:
    if not isinstance(row, dict):
        return None
    return next((row[name] for name in IDENTITIES if name in row), None)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {str: "string", dict: "object", list: "array", type(None): "null"}[type(value)]
