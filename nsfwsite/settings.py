"""Settings of the site. env.py declares those that an operator may set; all are taken over here."""

from csp.constants import NONCE, NONE, SELF

from nsfwsite import env
from nsfwsite.body_limits import CLASSIFICATION_BYTES
from nsfwsite.cross_origin_isolation import static_headers
from nsfwsite.env import *  # noqa: F403

SECRET_KEY = env.secret_key()
# These hold passwords, and Django's debug page shows every setting.
del DATABASE_URL, EMAIL_URL  # noqa: F821

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "feedback",
    "nsfwsite",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "nsfwsite.metrics.TimedRequests",
    "csp.middleware.CSPMiddleware",
    "nsfwsite.middleware.AdminPolicy",
    "nsfwsite.cross_origin_isolation.IsolationHeaders",
    "nsfwsite.middleware.ErrorBodies",
    "nsfwsite.middleware.ApiFinalSlash",
    "nsfwsite.middleware.ApiOverHttps",
    "nsfwsite.middleware.CountedUploads",
    "nsfwsite.middleware.NullCharacters",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "nsfwsite.accounts.sessions.SessionLimits",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "nsfwsite.accounts.second_step.SecondStepRequired",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "nsfwsite.middleware.BodyLimit",
]

ROOT_URLCONF = "nsfwsite.urls"
WSGI_APPLICATION = "nsfwsite.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Ours first: the admin and allauth have templates of the same names.
        "DIRS": [env.BASE_DIR / "nsfwsite" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.database()}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Without IMMEDIATE, a transaction that reads and then writes fails at once under contention.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
        "PRAGMA secure_delete=ON;",
    }
    # Worker threads in tests share this file; they could not share an in-memory database.
    DATABASES["default"]["TEST"] = {"NAME": str(env.DATA_DIR / "test.sqlite3")}
DATABASES["default"]["CONN_MAX_AGE"] = 60

CACHES = {
    "default": {
        "BACKEND": "nsfwsite.cache.OptionalRedisCache",
        "LOCATION": env.REDIS_URL,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
        "UserAttributeSimilarityValidator",
    )
] + [{"NAME": "nsfwsite.accounts.passwords.SiteWords"}]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "sign-in"
LOGOUT_REDIRECT_URL = "home"

# Accounts are made at /admin/, and nsfwsite/throttle.py counts the guesses: allauth does neither.
ACCOUNT_ADAPTER = "nsfwsite.accounts.adapters.AccountAdapter"
ACCOUNT_SIGNUP_ENABLED = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False
ACCOUNT_REAUTHENTICATION_REQUIRED = SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "nsfwsite.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an admin gave the address, and nothing depends on it
SOCIALACCOUNT_ADAPTER = "nsfwsite.accounts.adapters.ProviderAdapter"
SOCIALACCOUNT_PROVIDERS = env.oidc_provider()

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
# Nothing is translated, and looking up the language takes a lock that all threads share.
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = env.DATA_DIR / "static"
STATICFILES_DIRS = [env.BASE_DIR / "nsfwsite" / "static" / "build"]
# A folder of our own, so that our upkeep finds what a killed process left behind.
FILE_UPLOAD_TEMP_DIR = env.DATA_DIR / "uploads"
FILE_UPLOAD_TEMP_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
WHITENOISE_ADD_HEADERS_FUNCTION = static_headers
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024


def _folder(name: str) -> dict[str, object]:
    return {
        "BACKEND": "feedback.storage.WholeFileStorage",
        "OPTIONS": {"location": env.DATA_DIR / name, "file_permissions_mode": 0o600},
    }


STORAGES = {
    "default": _folder("media"),
    "incoming": _folder("incoming"),
    "images": _folder("images"),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
ARTIFACTS_DIR = env.DATA_DIR / "artifacts"
MANIFESTS_DIR = env.DATA_DIR / "manifests"
RUNS_DIR = env.DATA_DIR / "runs"
FEATURES_DIR = env.DATA_DIR / "features"
DEMO_DIR = env.DATA_DIR / "demo"
AUDIT_IMAGES_DIR = env.DATA_DIR / "audit-images"

# Requests that wait for an answer may use half of the web threads, never all of them.
WAITING_REQUESTS = max(1, env.WEB_THREADS // 2)
REPORT_MAX_IMAGES = 20
BODY_MAX_BYTES = {"classification": CLASSIFICATION_BYTES, "report": 100 * 1024 * 1024}
RETRAIN_SECONDS = 30 * 60
DEEP_RETRAIN_SECONDS = 6 * 3600  # of a recipe that trains convolutions
FINDING_SECONDS = 55 * 60
# Where it is not installed, the other published models are not compared.
PUBLISHED_PACKAGE = env.BASE_DIR / "node_modules" / "nsfwjs"
AUDIT_SET_WORN = 20  # an audit set is called worn after this many gate decisions on it

# Without a mail server no mail is offered; an e-mail that is sent all the same stays in a folder.
SENDS_MAIL = bool(env.EMAIL_URL)
_mail = env.mail()
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_FILE_PATH = "/" + _mail["EMAIL_FILE_PATH"]
EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 20

CELERY_BROKER_URL = env.REDIS_URL.replace("unix://", "redis+socket://")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["nsfwsite.token_authentication.ApiTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.AllowAny",
        "nsfwsite.api.permissions.HasScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "nsfwsite.api.pagination.Pagination",
    "DEFAULT_SCHEMA_CLASS": "nsfwsite.api.schema.Schema",
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "nsfwsite.api.problems.exception_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SpeakUp",
    "DESCRIPTION": "Classify an image, report a mistake, follow what became of it.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["fragments", "programs"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = env.SESSION_IDLE_HOURS * 3600
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
KNOWN_BROWSER_COOKIE_NAME = "known_browser"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = env.HTTPS
if env.HTTPS:
    # Browsers take these from this host alone, over HTTPS. They do not exist without it.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    KNOWN_BROWSER_COOKIE_NAME = "__Host-known_browser"
    SECURE_REDIRECT_EXEMPT = [r"^api/", r"^v1/"]  # ApiOverHttps refuses what a redirect would hide
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "no_secrets": {"()": "nsfwsite.logs.HideSecretAddresses"},
        "no_trace": {"()": "nsfwsite.logs.NoTraceOfRefusals"},
    },
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_secrets", "no_trace"],
        }
    },
    "loggers": {
        "waitress": {"level": "WARNING"},
        "waitress.queue": {"level": "ERROR"},  # it warns of every request that waits for a thread
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
