"""Set up, run and test the panel on one machine: `make run` and `make test` call these modules.

`dev.setup` and what it imports stand on the standard library alone, for they run before there
is a virtual environment.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
