"""Numbers that look random and are the same every time."""

import hashlib
import struct
import uuid

_SIXTEEN = struct.Struct(">16I")


def fractions(*names: object) -> tuple[float, ...]:
    """Sixteen numbers in [0, 1) that depend on the names alone."""
    digest = hashlib.blake2b(":".join(map(str, names)).encode()).digest()
    return tuple(number / 4_294_967_296 for number in _SIXTEEN.unpack(digest))


def identifier(*names: object) -> str:
    """A version 4 UUID that depends on the names alone."""
    digest = hashlib.blake2b(":".join(map(str, names)).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def digest(*names: object) -> str:
    """Forty hexadecimal digits, as Proxmox signs a configuration file."""
    return hashlib.blake2b(":".join(map(str, names)).encode(), digest_size=20).hexdigest()
