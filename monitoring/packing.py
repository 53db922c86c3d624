"""An hour of one server's samples as bytes, and back. Pure.

A pack is one byte of version and what zlib makes of:

    count       uint32
    seconds     uint16 each: from the hour's beginning to the first sample, then from one to the next
    values      float32 each, one metric of COLUMNS after the other; NaN where nothing was measured

all little-endian. Of each array the lowest bytes come first, then the second ones, and so on: the
highest bytes of neighbours are alike, and that is what zlib finds. Twenty bytes a sample remain of
thirty; zstandard makes it no smaller, only sooner by a second an hour for 10,000 servers.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HOUR = 3600
VERSION = 1
# What begins with a higher byte is damage.
LAST_VERSION = 15
COLUMNS = (
    "cpu",
    "memory_used",
    "disk_used",
    "network_in",
    "network_out",
    "disk_read",
    "disk_write",
)
# One sample a second at most, so no pack unfolds to more.
LONGEST = 4 + HOUR * (2 + 4 * len(COLUMNS))

# A number of six digits survives four bytes; nine tell any two of them apart.
DIGITS = (6, 7, 8, 9)

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


class BadPack(ValueError):
    """These bytes are no pack: damaged, or of nothing."""


class NewerPack(BadPack):
    """A later version of the panel wrote it: it can be read again, though not by this one."""


@dataclass(frozen=True)
class Samples:
    """Of one server: `times` in Unix seconds, ascending, each once; `values[column, sample]`."""

    times: Times
    values: Values


def pack(samples: Samples, hour: int) -> bytes:
    """Samples of the hour that begins at `hour`, Unix seconds; at least one."""
    count = len(samples.times)
    seconds = np.diff(samples.times, prepend=hour)
    if not count or seconds[0] < 0 or seconds[1:].min(initial=1) < 1:
        raise ValueError("A pack needs samples in order, each time once.")
    if samples.times[-1] >= hour + HOUR:
        raise ValueError("A pack holds the samples of one hour.")
    arrays = [seconds.astype("<u2"), *np.ascontiguousarray(samples.values, dtype="<f4")]
    data = count.to_bytes(4, "little") + b"".join(map(shuffled, arrays))
    return bytes([VERSION]) + zlib.compress(data)


def unpack(data: bytes, hour: int) -> Samples:
    """The samples as they were packed; BadPack where that cannot be."""
    if data[:1] != bytes([VERSION]):
        if data and VERSION < data[0] <= LAST_VERSION:
            raise NewerPack(f"version {data[0]}")
        raise BadPack("no version of ours")
    plain = inflated(data[1:])
    count = int.from_bytes(plain[:4], "little")
    if not count or len(plain) != 4 + count * (2 + 4 * len(COLUMNS)):
        raise BadPack("its length is not that of its samples")
    seconds = unshuffled(plain[4 : 4 + 2 * count], count).view("<u2")[:, 0].astype(np.int64)
    values = unshuffled(plain[4 + 2 * count :], count, len(COLUMNS)).view("<f4")[:, :, 0]
    offsets = np.cumsum(seconds)
    if seconds[1:].min(initial=1) < 1 or offsets[-1] >= HOUR:
        raise BadPack("its times are not those of an hour")
    return Samples(offsets + hour, values.astype(np.float32, copy=False))


def inflated(data: bytes) -> bytes:
    unfolding = zlib.decompressobj()
    try:
        plain = unfolding.decompress(data, LONGEST)
    except zlib.error as error:
        raise BadPack(str(error)) from error
    if not unfolding.eof or unfolding.unused_data:
        raise BadPack("it does not end where it should")
    return plain


def shuffled(array: npt.NDArray[np.generic]) -> bytes:
    return array.view(np.uint8).reshape(len(array), array.itemsize).T.tobytes()


def unshuffled(data: bytes, count: int, arrays: int = 1) -> npt.NDArray[np.uint8]:
    """The bytes of each number together: (count, size) of one array, (arrays, count, size) of more."""
    planes = np.frombuffer(data, np.uint8).reshape(arrays, -1, count)
    numbers = np.ascontiguousarray(planes.transpose(0, 2, 1))
    return numbers[0] if arrays == 1 else numbers


def merged(parts: Iterable[Samples]) -> Samples:
    """All of them in order; of a time that comes twice, the first part's stays."""
    found = list(parts)
    times = np.concatenate([part.times for part in found])
    values = np.concatenate([part.values for part in found], axis=1)
    kept, first = np.unique(times, return_index=True)
    return Samples(kept, values[:, first])


def by_hour(samples: Samples) -> dict[int, Samples]:
    """The samples of each hour, by its beginning in Unix seconds."""
    hours = samples.times - samples.times % HOUR
    return {
        int(hours[begin]): Samples(samples.times[begin:end], samples.values[:, begin:end])
        for begin, end in runs(hours)
    }


def runs(keys: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """Where equal neighbours begin, and the next ones."""
    if not len(keys):
        return []
    begins = (np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist()
    return list(zip([0, *begins], [*begins, len(keys)], strict=True))


def plain(values: Values | Doubles) -> list[float | None]:
    """As numbers of Python's: of those that are the same in four bytes, the one that is shortest
    from six digits on. So 0.9 is 0.9 again, as before it was stored, and on its side of a threshold.
    NaN is None."""
    stored = values.astype(np.float32)
    exact = stored.astype(np.float64)
    numbers = exact.copy()
    rest = np.flatnonzero(np.isfinite(exact) & (exact != 0))
    for digits in DIGITS:
        short = rounded(exact[rest], digits)
        with np.errstate(over="ignore"):
            same = short.astype(np.float32) == stored[rest]
        numbers[rest[same]] = short[same]
        rest = rest[~same]
    return [
        number if is_known else None
        for number, is_known in zip(numbers.tolist(), np.isfinite(exact).tolist(), strict=True)
    ]


def rounded(numbers: Doubles, digits: int) -> Doubles:
    """To so many digits, whatever their size; none of them is zero."""
    places = digits - 1 - np.floor(np.log10(np.abs(numbers))).astype(np.int64)
    # Powers of ten up to 22 are exact, so that what is divided by one is the nearest number.
    up, down = 10.0 ** np.clip(places, 0, None), 10.0 ** np.clip(-places, 0, None)
    return np.asarray(np.rint(numbers * up / down) * down / up)
