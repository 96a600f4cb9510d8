"""The environment, read once. Every name here is described in docs/settings.md."""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DEBUG = env.bool("DEBUG", default=False)
HTTPS = env.bool("HTTPS", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
BURST_REPORTS = env.int("BURST_REPORTS", default=200)
BURST_MINUTES = env.int("BURST_MINUTES", default=60)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
DATABASE_URL = env.str("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
COUNTERFACTUAL_IMAGES = env.int("COUNTERFACTUAL_IMAGES", default=100)
COLLECT_MISSES = env.bool("COLLECT_MISSES", default=False)
GOLDEN_SHARE = env.float("GOLDEN_SHARE", default=0.05)
DEMO_IMAGE_MINUTES = env.int("DEMO_IMAGE_MINUTES", default=10)
RATE_CLASSIFICATIONS = env.str("RATE_CLASSIFICATIONS", default="240/minute")
RATE_REPORTS = env.str("RATE_REPORTS", default="600/hour")
EMAIL_URL = env.str("EMAIL_URL", default="")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="speakup@localhost")
RATE_MAIL = env.str("RATE_MAIL", default="10/hour")
RATE_MAILBOX = env.str("RATE_MAILBOX", default="3/day")
RATE_SIGN_IN = env.str("RATE_SIGN_IN", default="20/hour")
HOUR_IMAGES = env.int("HOUR_IMAGES", default=200)
SOURCE_IMAGES = env.int("SOURCE_IMAGES", default=20)
SOURCE_SHARE = env.float("SOURCE_SHARE", default=0.2)
SOURCE_DAYS = env.int("SOURCE_DAYS", default=90)
DECLINED_DAYS = env.int("DECLINED_DAYS", default=30)
UNTRAINED_DAYS = env.int("UNTRAINED_DAYS", default=90)
LOG_DAYS = env.int("LOG_DAYS", default=14)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
WEB_THREADS = env.int("WEB_THREADS", default=24)


def secret_key() -> str:
    """The SECRET_KEY variable, or the key that set-up keeps in DATA_DIR."""
    if key := env.str("SECRET_KEY", default=""):
        return key
    kept = DATA_DIR / "secret_key"
    if kept.is_file():
        return kept.read_text().strip()
    raise ImproperlyConfigured(
        f"SECRET_KEY must be set. Received: none, and no file {kept}. "
        "Start the site with `make run`, which makes one, or set SECRET_KEY."
    )


if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured(
        f"REDIS_URL must be a redis:// or rediss:// URL. Received: {REDIS_URL!r}. "
        "Unset it to use the built-in server."
    )
