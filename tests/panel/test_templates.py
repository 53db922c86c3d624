import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_files_it_names_are_there(path):
    for name in re.findall(r"\bstatic/((?:js|css|img)/[\w.-]+\.\w+)", path.read_text()):
        assert (ROOT / "static" / name).exists()
