"""`make lock`: pin anew what requirements*.in and package.json ask for, without any address."""

import sys

from dev import assets, environment
from dev.commands import Failure, run
from dev.progress import Steps

# For the oldest Python that the panel runs on, and for every platform.
COMPILE = (
    *("pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-annotate"),
)
# The header names this instead of a command line with the paths of one machine.
HEADER = {"UV_CUSTOM_COMPILE_COMMAND": "make lock"}


def main() -> int:
    steps = Steps(total=3)
    try:
        uv = environment.uv()
        if not uv:
            raise Failure("This needs uv, which could not be installed.")
        # In this order: the development's packages are held to the panel's.
        for name in ("requirements", "requirements-dev"):
            with steps.step(f"{name}.txt"):
                run([*uv, *COMPILE, f"{name}.in", "--output-file", f"{name}.txt"], env=HEADER)
        with steps.step("package-lock.json"):
            assets.lock()
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
