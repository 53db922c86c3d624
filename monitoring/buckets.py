"""Samples in buckets of time, as a screen shows them. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitoring.packing import Doubles, Samples, runs


@dataclass(frozen=True)
class Buckets:
    """Those that hold a sample: where they begin, in steps from the start, how many samples each
    holds, and of what was measured `[column, bucket]`; NaN where nothing was."""

    places: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    average: Doubles
    least: Doubles
    most: Doubles


def bucketed(samples: Samples, *, start: int, step: int) -> Buckets:
    """Buckets of `step` seconds from `start` on, Unix seconds; no sample is older than that."""
    all_places = (samples.times - start) // step
    begins = np.array([begin for begin, _end in runs(all_places)], dtype=np.int64)
    counts = np.diff(begins, append=len(all_places))
    if not len(begins):
        nothing = np.empty((len(samples.values), 0))
        return Buckets(all_places, counts, nothing, nothing, nothing)
    values = samples.values.astype(np.float64)
    measured = np.add.reduceat((~np.isnan(values)).astype(np.int64), begins, axis=1)
    sums = np.add.reduceat(np.nan_to_num(values), begins, axis=1)
    average = np.full(sums.shape, np.nan)
    np.divide(sums, measured, out=average, where=measured > 0)
    return Buckets(
        all_places[begins],
        counts,
        average,
        np.fmin.reduceat(values, begins, axis=1),
        np.fmax.reduceat(values, begins, axis=1),
    )
