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
from panel.settings import CHANNEL_LAYERS, LOGGING, VAR_DIR  # noqa: E402

if Path(folder).resolve() != VAR_DIR:
    raise RuntimeError("The tests would write into somebody's data folder.")

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Several test processes may share a Redis.
CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = f"test{os.getpid()}"
LOGGING["root"]["level"] = "WARNING"
