"""Settings, read from the environment and from `.env` in the project's root.

Without DATABASE_URL the panel is *embedded*: SQLite, a Redis of its own on a unix socket, secrets it
made for itself, loopback only. With it, it is production: a missing secret is an error, never a default.
Each variable is described in docs/settings.md.
"""

from datetime import timedelta
from email.utils import parseaddr
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from panel import brand, embedded
from panel.redis_place import BadAddress, RedisPlace

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.smart_cast = False
environ.Env.read_env(BASE_DIR / ".env")

VAR_DIR = embedded.var_dir()


def in_range(name: str, default: int, low: int, high: int) -> int:
    """An integer variable; outside of `low` to `high` the panel does not start."""
    try:
        value = int(env.str(name, default=str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name} is {value}; it must be from {low} to {high}.")
    return value


# --- What kind of installation this is

EMBEDDED = not env.str("DATABASE_URL", default="")
DEBUG = env.bool("DEBUG", default=False)

if EMBEDDED:
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    own_secrets = embedded.secrets(VAR_DIR)
else:
    own_secrets = {}

SECRET_KEY = env.str("SECRET_KEY", default=own_secrets.get("SECRET_KEY", ""))
ENCRYPTION_KEYS = env.list(
    "ENCRYPTION_KEYS", default=[k for k in [own_secrets.get("ENCRYPTION_KEYS", "")] if k]
)
for name, value in (("SECRET_KEY", SECRET_KEY), ("ENCRYPTION_KEYS", ENCRYPTION_KEYS)):
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. It is required as soon as DATABASE_URL is set; "
            "docs/settings.md says how to make one."
        )

PANEL_PORT = in_range("PANEL_PORT", 8000, 1, 65535)
PANEL_URL = env.str("PANEL_URL", default=f"http://127.0.0.1:{PANEL_PORT}").rstrip("/")
panel_address = urlsplit(PANEL_URL)
if panel_address.scheme not in {"http", "https"} or not panel_address.hostname:
    raise ImproperlyConfigured("PANEL_URL must be like https://panel.example.com")
HTTPS = panel_address.scheme == "https"

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=LOOPBACK if EMBEDDED else [panel_address.hostname]
)
CSRF_TRUSTED_ORIGINS = [PANEL_URL]
# How many proxies of our own stand before the panel: so many addresses at the end of
# X-Forwarded-For were written by them, and the first of those is the client's. X-Forwarded-Proto is
# believed with one or more, which HTTPS needs: see panel/checks.py.
TRUSTED_PROXIES = in_range("TRUSTED_PROXIES", 0, 0, 10)

# --- Applications

INSTALLED_APPS = [
    "daphne",
    "panel.admin_config.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "csp",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "panel",
    "accounts",
    "servers",
    "monitoring",
    "alerts",
    "snapshots",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Of varying length by itself, against guessing at secrets by the size of an answer (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.on_behalf.acting_on_behalf",
    "accounts.locale.persons_locale",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "panel.limits.rate_limit_headers",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "panel.urls"
ASGI_APPLICATION = "panel.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "panel.pages.brand",
                "servers.context.staleness",
                "servers.context.asked_consoles",
                "alerts.context.badge",
            ],
            "builtins": ["accounts.templatetags.times"],
        },
    }
]

# --- Database

# SQLite with several processes needs IMMEDIATE transactions; without it half the writers fail with
# "database is locked".
DATABASES: dict[str, dict[str, Any]]
if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": VAR_DIR / "panel.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
            # A file, not memory: processes and threads of a test share it as they do in life.
            "TEST": {"NAME": VAR_DIR / "test.sqlite3"},
        }
    }
else:
    DATABASES = {"default": env.db_url("DATABASE_URL")}
    if DATABASES["default"]["ENGINE"].endswith("mysql"):
        DATABASES["default"]["OPTIONS"] = {
            **DATABASES["default"].get("OPTIONS", {}),
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            "init_command": "SET sql_mode='STRICT_TRANS_TABLES,NO_ZERO_DATE,"
            "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
        }
        DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_unicode_ci"}
    else:
        raise ImproperlyConfigured(
            "DATABASE_URL must be like mysql://user:password@host:3306/panel; "
            "leave it out for the embedded SQLite."
        )
HISTORY_DATABASE = "default"
if env.str("DATABASE_REPLICA_URL", default=""):
    if EMBEDDED:
        raise ImproperlyConfigured("DATABASE_REPLICA_URL is for a replica of DATABASE_URL's.")
    HISTORY_DATABASE = "replica"
    DATABASES["replica"] = {
        **DATABASES["default"],
        **env.db_url("DATABASE_REPLICA_URL"),
        "OPTIONS": {**DATABASES["default"]["OPTIONS"], "connect_timeout": 2, "read_timeout": 10},
        "TEST": {"MIRROR": "default"},
    }
for database in DATABASES.values():
    # Kept by web servers' few threads (panel.handler); Celery closes its own after each task.
    database["CONN_MAX_AGE"] = 0 if EMBEDDED else 60
    database["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: broker, channel layer, cache

REDIS_URL = env.str("REDIS_URL", default="")
if not REDIS_URL:
    if not EMBEDDED:
        raise ImproperlyConfigured("REDIS_URL is required as soon as DATABASE_URL is set.")
    REDIS_URL = f"unix://{embedded.redis_socket(VAR_DIR)}"
try:
    REDIS = RedisPlace.of(
        REDIS_URL, sentinel_password=env.str("REDIS_SENTINEL_PASSWORD", default="")
    )
except BadAddress as error:
    raise ImproperlyConfigured(f"REDIS_URL {error}") from error

CELERY_BROKER_URL = REDIS.broker_url()
# An action or a cycle is a row, a message only wakes somebody up: no results, and what a dead
# worker held comes back after minutes instead of Redis's default hour.
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 30,
    "socket_connect_timeout": 3,
    **REDIS.broker_options(),
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.1}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "monitoring.poll_cluster": {"queue": "poll"},
    "monitoring.look_into_guests": {"queue": "guests"},
    "monitoring.catch_up": {"queue": "guests"},
    "servers.read_guest": {"queue": "guests"},
    "servers.run_action": {"queue": "actions"},
    "snapshots.look": {"queue": "guests"},
    "snapshots.action_changed": {"queue": "guests"},
    "servers.follow_actions": {"queue": "actions"},
    "servers.sweep_actions": {"queue": "actions"},
    "alerts.deliver": {"queue": "deliver"},
    "alerts.sweep_notifications": {"queue": "deliver"},
    "alerts.forget_notifications": {"queue": "deliver"},
}
CELERY_ENABLE_UTC = True

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "KEY_PREFIX": "panel",
        **REDIS.cache(),
    }
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS.channel_host()]},
    }
}

# --- A cluster from the environment, for `make run` and `manage.py add_cluster`

PROXMOX = {
    "API_URL": [url.strip() for url in env.list("PROXMOX_API_URL", default=[]) if url.strip()],
    "CA": env.str("PROXMOX_CA", default=""),
    "FINGERPRINT": env.list("PROXMOX_FINGERPRINT", default=[]),
    "TOKEN_ID": env.str("PROXMOX_TOKEN_ID", default=""),
    "TOKEN_SECRET": env.str("PROXMOX_TOKEN_SECRET", default=""),
    "ACT_TOKEN_ID": env.str("PROXMOX_ACT_TOKEN_ID", default=""),
    "ACT_TOKEN_SECRET": env.str("PROXMOX_ACT_TOKEN_SECRET", default=""),
    "RESET_TOKEN_ID": env.str("PROXMOX_RESET_TOKEN_ID", default=""),
    "RESET_TOKEN_SECRET": env.str("PROXMOX_RESET_TOKEN_SECRET", default=""),
}

# --- Servers

# Of each cluster: taking, deleting and rolling back are heavy on its storages.
SNAPSHOTS_AT_ONCE = in_range("SNAPSHOTS_AT_ONCE", 4, 1, 1000)
# Of one server, unless staff say otherwise for it; 0 days is no limit of age.
SNAPSHOTS_PER_SERVER = in_range("SNAPSHOTS_PER_SERVER", 10, 0, 1000)
SNAPSHOT_DAYS = in_range("SNAPSHOT_DAYS", 90, 0, 3650)
CUSTOMERS_MAY_DELETE = env.bool("CUSTOMERS_MAY_DELETE", default=True)

CONSOLE_IDLE_MINUTES = in_range("CONSOLE_IDLE_MINUTES", 30, 1, 1440)
# daphne closes every websocket after a day.
CONSOLE_MAX_HOURS = in_range("CONSOLE_MAX_HOURS", 8, 1, 23)

# --- Alerts

# Of one rule and server, one mail that it fires in so many seconds.
ALERT_MAIL_INTERVAL = in_range("ALERT_MAIL_INTERVAL", 3600, 0, 7 * 86400)
# What alerts/ needs of what stands above it, by name.
ALERT_SAMPLES = "monitoring.evidence.samples_of"
ALERT_FILE_SYSTEMS = "monitoring.evidence.file_systems_of"
# Private networks into which webhooks may go all the same, by plain HTTP too.
try:
    WEBHOOK_ALLOWED_NETWORKS = tuple(
        ip_network(text.strip()) for text in env.list("WEBHOOK_ALLOWED_NETWORKS", default=[])
    )
except ValueError as error:
    raise ImproperlyConfigured(f"WEBHOOK_ALLOWED_NETWORKS: {error}") from error
TELEGRAM_API_URL = env.str("TELEGRAM_API_URL", default="https://api.telegram.org").rstrip("/")
if urlsplit(TELEGRAM_API_URL).scheme not in {"http", "https"}:
    raise ImproperlyConfigured("TELEGRAM_API_URL must be like https://api.telegram.org")

# --- Monitoring

# Who shows it reads /metrics; without one there is no such page, and nothing is counted.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and (len(METRICS_TOKEN) < 16 or not METRICS_TOKEN.isascii()):
    raise ImproperlyConfigured("METRICS_TOKEN is to be 16 or more letters, digits and signs.")

POLL_INTERVAL = in_range("POLL_INTERVAL", 30, 1, 3600)
RETENTION_DAYS = in_range("RETENTION_DAYS", 7, 1, 400)

CELERY_BEAT_SCHEDULE = {
    "start cycles": {
        "task": "monitoring.start_cycles",
        "schedule": POLL_INTERVAL,
        "options": {"expires": POLL_INTERVAL, "queue": "poll"},
    },
    "sweep actions": {
        "task": "servers.sweep_actions",
        "schedule": 10,
        "options": {"expires": 10, "queue": "actions"},
    },
    "sweep notifications": {
        "task": "alerts.sweep_notifications",
        "schedule": 60,
        "options": {"expires": 60, "queue": "deliver"},
    },
    "close orphaned consoles": {
        "task": "servers.close_orphaned_consoles",
        "schedule": 600,
        "options": {"expires": 600},
    },
    "tend snapshots": {
        "task": "snapshots.tend",
        "schedule": 30,
        "options": {"expires": 30},
    },
    "report ages of snapshots": {
        "task": "snapshots.report_ages",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "forecast disks": {
        "task": "monitoring.forecast_disks",
        "schedule": 1800,
        "options": {"expires": 1800},
    },
    "pack samples": {
        "task": "monitoring.pack_samples",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "prune samples": {
        "task": "monitoring.prune_samples",
        "schedule": min(600, RETENTION_DAYS * 86400),
        "options": {"expires": 600},
    },
    "tell of alerts": {
        "task": "alerts.tell",
        "schedule": 15,
        "options": {"expires": 15},
    },
    "forget alerts": {
        "task": "alerts.forget",
        "schedule": 1800,
        "options": {"expires": 1800},
    },
    "forget notifications": {
        "task": "alerts.forget_notifications",
        "schedule": 3600,
        "options": {"expires": 3600, "queue": "deliver"},
    },
    "clear expired sessions and tokens": {
        "task": "accounts.clear_expired",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
}

# --- People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesBackend",
    "accounts.backends.RoleBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
HIJACK_PERMISSION_CHECK = "accounts.on_behalf.may_act"
# Of links in invitations too.
PASSWORD_RESET_TIMEOUT = 3 * 86400
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "server-list"
LOGOUT_REDIRECT_URL = "sign-in"

# Ten wrong passwords from one address for one person close that door for a quarter of an hour;
# another address is not shut out with it. Counted in the database, so that it holds without Redis.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
AXES_CLIENT_IP_CALLABLE = "accounts.address.client_address"
AXES_USERNAME_FORM_FIELD = "username"
AXES_USERNAME_CALLABLE = "accounts.lockout.username"
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_out"

# --- API

# Requests an hour, of each person.
API_RATE_LIMIT = in_range("API_RATE_LIMIT", 3600, 1, 10_000_000)
WEB_THREADS = in_range("WEB_THREADS", 4, 1, 64)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.SessionJWTAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["panel.renderers.QuickJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["panel.parsers.BoundedJSONParser"],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.OrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "panel.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["panel.limits.ApiRate"],
    "EXCEPTION_HANDLER": "panel.api.error_reply",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,
    "ALGORITHM": "HS256",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Panel API",
    "DESCRIPTION": "Everything the pages can do. Units: seconds, bytes, bytes per second, "
    "fractions from 0 to 1. Times in ISO 8601, but what was measured bears Unix seconds: "
    "`taken_at`, `disk_measured_at`, and the first number of each point of a series.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ServerStatus": "servers.models.Server.Status",
        "ActionStatus": "servers.models.Action.Status",
        "ServerKind": "servers.models.Server.Kind",
        "ConsoleKind": "servers.models.ConsoleSession.Kind",
        "AlertKind": "alerts.models.Alert.Kind",
        "AlertStandingState": "alerts.models.AlertStanding.STATES",
        "ChannelKind": "alerts.api.channels.KINDS",
        "NotificationKind": "alerts.models.Notification.Kind",
        "NotificationStatus": "alerts.models.Notification.Status",
    },
}

# --- Browser-side safety

# Who gives servers to somebody sends the number of each, so that it is those that were shown.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 12_000

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
# Browsers do not forget HSTS on demand. Of our own host we know that it speaks HTTPS, of the hosts
# below it we do not: they are included if asked for, and on browsers' preload lists never. So
# Django's two checks that demand both are not for us.
SECURE_HSTS_SECONDS = in_range("HSTS_SECONDS", 31_536_000, 0, 63_072_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS and env.bool("HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if HTTPS and TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "img-src": ["'self'", "data:"],
    }
}

# --- Language, time, files

LANGUAGES = [("en", "English"), ("ru", "Русский")]
# Of people who did not choose, and of whoever is not signed in and whose browser asks for neither.
LANGUAGE_CODE = env.str("DEFAULT_LANGUAGE", default="en")
if LANGUAGE_CODE not in dict(LANGUAGES):
    raise ImproperlyConfigured("DEFAULT_LANGUAGE must be one of: en, ru.")
LANGUAGE_COOKIE_AGE = 365 * 86400
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

BRAND_NAME = env.str("BRAND_NAME", default="Panel")
try:
    BRAND = brand.read(
        BRAND_NAME, env.str("BRAND_COLOR", default=""), env.str("BRAND_LOGO", default="")
    )
except brand.BadBrand as error:
    raise ImproperlyConfigured(str(error)) from error

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "panel.static.HashedFiles"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# --- Mail

EMAIL_URL = env.str("EMAIL_URL", default="filemail://" if EMBEDDED else "consolemail://")
EMAIL_CONFIG = env.email_url_config(EMAIL_URL)
globals().update(EMAIL_CONFIG)
if EMAIL_CONFIG["EMAIL_BACKEND"] == "django.core.mail.backends.filebased.EmailBackend":
    # What reads the address takes the first slash away, and with it where the folder is.
    EMAIL_FILE_PATH = urlsplit(EMAIL_URL).path or str(VAR_DIR / "mail")
if EMAIL_CONFIG["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend":
    # One that keeps the mail server's answers, and comes to an end.
    EMAIL_BACKEND = "alerts.channels.smtp.EmailBackend"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"{BRAND_NAME} <panel@localhost>")
if "@" not in parseaddr(DEFAULT_FROM_EMAIL)[1]:
    raise ImproperlyConfigured("DEFAULT_FROM_EMAIL must hold an address, like panel@example.com")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 20

# --- Logs: to standard error, one line each

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"secrets": {"()": "panel.logs.RedactSecrets"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["secrets"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # proxmoxer logs request bodies, new root passwords among them, at INFO.
        "proxmoxer": {"level": "WARNING"},
        "proxmoxer.core": {"level": "WARNING"},
        "urllib3": {"level": "INFO"},
        # It logs addresses and headers, consoles' tickets and our token among them, at DEBUG.
        "websockets": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
    },
}
