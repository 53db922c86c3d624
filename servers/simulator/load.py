"""How busy a simulated machine is: smooth, and a pure function of its rhythm and the time.

Load follows a day and a shorter wave. What a machine has moved since a moment is the integral of
its load, so counters rise for ever and always agree with the load that is shown.
"""

from dataclasses import dataclass
from math import cos, pi, sin
from typing import NamedTuple

from servers.simulator.chance import fractions

_DAY = 2 * pi / 86_400
_DAY_SHARE = 0.5
_WAVE_SHARE = 0.3

# How many guests in a hundred are idle, normal or loaded, and their mean use of a vCPU.
_CPU_LEVELS = ((0.55, 0.03, 0.08), (0.92, 0.10, 0.25), (1.0, 0.40, 0.20))


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Mean load and when it peaks. Rates are bytes per second at mean load."""

    cpu_level: float
    memory_level: float
    disk_level: float
    day_phase: float
    wave: float
    wave_phase: float
    netin_rate: float
    netout_rate: float
    read_rate: float
    write_rate: float


class Load(NamedTuple):
    """CPU and memory as fractions of what the machine has.

    `activity` is seconds at mean load since no particular moment: differences of it count.
    """

    cpu: float
    memory: float
    activity: float


def rhythm(*names: object) -> Rhythm:
    """The rhythm of the machine with these names, always the same."""
    chance = fractions("rhythm", *names)
    _, least, spread = next(level for level in _CPU_LEVELS if chance[0] < level[0])
    return Rhythm(
        cpu_level=least + spread * chance[1],
        memory_level=0.25 + 0.5 * chance[2],
        disk_level=0.15 + 0.6 * chance[3],
        # Customers are up by day: the peak lies within six hours of mid-afternoon (UTC).
        day_phase=-2 * pi * (8 + 6 * chance[4]) / 24,
        wave=2 * pi / (400 + 1400 * chance[5]),
        wave_phase=2 * pi * chance[6],
        netin_rate=2_000 + 180_000 * chance[7] ** 3,
        netout_rate=4_000 + 900_000 * chance[8] ** 3,
        read_rate=1_000 + 400_000 * chance[9] ** 3,
        write_rate=6_000 + 500_000 * chance[10] ** 3,
    )


def load(rhythm: Rhythm, at: float) -> Load:
    day, wave = _DAY * at + rhythm.day_phase, rhythm.wave * at + rhythm.wave_phase
    up, ripple = sin(day), sin(wave)
    return Load(
        rhythm.cpu_level * (1 + _DAY_SHARE * up + _WAVE_SHARE * ripple),
        rhythm.memory_level * (1 + 0.1 * up + 0.03 * ripple),
        at - cos(day) * (_DAY_SHARE / _DAY) - cos(wave) * (_WAVE_SHARE / rhythm.wave),
    )
