"""The panel's settings, in a data folder of this test process's own."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

folder = tempfile.mkdtemp(prefix="panel-test-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ["PANEL_VAR"] = folder

from panel.settings import *  # noqa: E402, F403
from panel.settings import CHANNEL_LAYERS, LOGGING, REDIS_URL, VAR_DIR  # noqa: E402

if Path(folder).resolve() != VAR_DIR:
    raise RuntimeError("The tests would write into somebody's data folder.")

(VAR_DIR / "static").mkdir()

ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Several test processes may share a Redis.
CHANNEL_LAYERS["default"]["CONFIG"] = {"hosts": [REDIS_URL], "prefix": f"test{os.getpid()}"}
LOGGING["root"] = {"handlers": ["stderr"], "level": "WARNING"}
