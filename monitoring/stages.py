"""Where the time of a cycle goes, for whoever watches the panel."""

from time import perf_counter

from servers.meter import Counter, Histogram

# What ends them: fetch, read, decide, store, judge, publish; `whole` is all of it.
STAGES = Histogram(
    "panel_cycle_stage_seconds",
    "How long the stages of cycles took: fetch, read, decide, store, judge, publish; whole is all.",
    ("stage",),
)
CYCLES = Counter(
    "panel_cycles",
    "Cycles by how they ended: ok, failed, skipped as another was under way, lost to another worker.",
    ("outcome",),
)
SAMPLES = Counter("panel_samples_stored", "Samples that cycles stored.")


class Stopwatch:
    """Runs from its making on; a lap is what passed since the last one."""

    def __init__(self) -> None:
        self.began = self.lapped = perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, stage: str, *, waited: float | None = None) -> None:
        """`waited`: so many seconds of it are the stage's; the rest was reading what came."""
        now = perf_counter()
        passed = now - self.lapped
        if waited is not None:
            self.add("read", passed - waited)
            passed = waited
        self.add(stage, passed)
        self.lapped = now

    def add(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def whole(self) -> float:
        return perf_counter() - self.began

    def tell(self, outcome: str, *, samples: int = 0) -> None:
        """Counts the cycle. One that failed has no times: of what it waited for, calls tell."""
        CYCLES.add(outcome)
        if outcome == "ok":
            SAMPLES.add(amount=samples)
            for stage, seconds in {**self.seconds, "whole": self.whole()}.items():
                STAGES.observe(stage, seconds=seconds)
