"""What an operator may set: each environment variable is declared here, once.

`settings.py` takes every setting from here, and `setup/settings_doc.py` writes docs/settings.md
from the declarations. An empty variable counts as one that is not set.
"""

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import environ
import limits
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

_T = TypeVar("_T")


@dataclass(frozen=True)
class Kind(Generic[_T]):
    """A type of setting.

    Attributes
    ----------
    description
        What its values are, in words that follow "must be".
    parse
        From the text of the variable to the value; raises ValueError for any other text.
    show
        From a value to the text that sets it.
    """

    description: str
    parse: Callable[[str], _T]
    show: Callable[[_T], str] = str


@dataclass(frozen=True)
class Declaration:
    """A setting as docs/settings.md describes it."""

    name: str
    kind: str
    default: str
    purpose: str


declarations: list[Declaration] = []


def setting(name: str, kind: Kind[_T], default: _T, purpose: str, *, default_words: str = "") -> _T:
    """Declare a setting, and read it from the environment.

    Parameters
    ----------
    name
        The environment variable.
    kind
        The type of its value.
    default
        The value while the variable is not set.
    purpose
        What it does, as Markdown.
    default_words
        What to say of the default where showing the value would not help.

    Raises
    ------
    ImproperlyConfigured
        The text of the variable is not of this kind.
    """
    shown = default_words or f"`{kind.show(default)}`"
    declarations.append(Declaration(name, kind.description, shown, purpose))
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        return kind.parse(text)
    except ValueError:
        received = re.sub(r"//[^/]*@", "//…@", text)  # no password in a log
        raise ImproperlyConfigured(
            f"{name} must be {kind.description}. Received: {received!r}. "
            f"Correct it, or unset it to use the default: {shown.replace('`', '')}."
        ) from None


def whole_number(least: int = 0, most: int | None = None) -> Kind[int]:
    def parse(text: str) -> int:
        number = int(text)
        if number < least or (most is not None and number > most):
            raise ValueError(text)
        return number

    bounds = f", {least} or more" if most is None else f" from {least} to {most}"
    return Kind(f"a whole number{bounds}", parse)


def url(*schemes: str) -> Kind[str]:
    prefixes = [f"{scheme}://" for scheme in schemes]

    def parse(text: str) -> str:
        if not text.startswith(tuple(prefixes)):
            raise ValueError(text)
        return text

    return Kind(f"a URL that begins with {', '.join(prefixes[:-1])} or {prefixes[-1]}", parse)


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "on", "yes", "1"):
        return True
    if text.lower() in ("false", "off", "no", "0"):
        return False
    raise ValueError(text)


def _names(text: str) -> list[str]:
    values = [name.strip() for name in text.split(",") if name.strip()]
    if not values:
        raise ValueError(text)
    return values


def _networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(name) for name in _names(text)]


def _rate(text: str) -> str:
    limits.parse(text)
    return text


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError(text)
    return number


plain_text = Kind("text", str)
boolean = Kind("true or false", _boolean, lambda value: str(value).lower())
folder = Kind("a folder", lambda text: Path(text).resolve())
names = Kind("names separated by commas", _names, ",".join)
networks = Kind(
    "networks separated by commas, such as 10.0.0.0/8",
    _networks,
    lambda value: ",".join(map(str, value)),
)
rate = Kind("a rate such as 240/minute", _rate)
share = Kind("a number from 0 to 1", _share)

# Where the site runs.
PORT = setting(
    "PORT",
    whole_number(1, 65535),
    8000,
    "The port of `make run`, on 127.0.0.1. To serve others, put a proxy in front that speaks "
    "HTTPS.",
)
DATA_DIR = setting(
    "DATA_DIR",
    folder,
    (BASE_DIR / "var").resolve(),
    "Where all state is kept: database, images, models, logs and secrets.",
    default_words="`var/`",
)
SECRET_KEY = setting(
    "SECRET_KEY",
    plain_text,
    "",
    "Signs sessions and hashes.",
    default_words="the key in `DATA_DIR/secret_key`, which the first start makes",
)
DEBUG = setting(
    "DEBUG", boolean, False, "Shows Django's debug pages. Never turn it on for a public site."
)
HTTPS = setting(
    "HTTPS",
    boolean,
    False,
    "Turns on secure cookies, the redirect to HTTPS, and HSTS, and trusts the `X-Forwarded-Proto` "
    "header of your proxy.",
)
ALLOWED_HOSTS = setting(
    "ALLOWED_HOSTS",
    names,
    ["127.0.0.1", "localhost", "[::1]"],
    "The host names that the site answers to.",
)
CSRF_TRUSTED_ORIGINS = setting(
    "CSRF_TRUSTED_ORIGINS",
    names,
    [],
    "Origins that may post forms, such as `https://speakup.example`.",
    default_words="none",
)
TRUSTED_PROXIES = setting(
    "TRUSTED_PROXIES",
    whole_number(),
    0,
    "How many proxies of yours are in front of the site. A visitor's address is read from their "
    "`X-Forwarded-For`.",
)
DATABASE_URL = setting(
    "DATABASE_URL",
    url("postgres", "postgresql", "sqlite"),
    f"sqlite:///{DATA_DIR / 'db.sqlite3'}",
    "The database. For many machines: `postgres://user:password@host/name`.",
    default_words="SQLite in `DATA_DIR`",
)
REDIS_URL = setting(
    "REDIS_URL",
    url("redis", "rediss", "unix"),
    "redis://127.0.0.1:6379/0",
    "The Redis or Valkey that queues work and counts requests. Many machines share one.",
    default_words="a server that `make run` starts",
)
WEB_THREADS = setting(
    "WEB_THREADS",
    whole_number(1),
    24,
    "Threads of the web process. At most half of them wait for an answer at any time.",
)
INFERENCE_PROCESSES = setting(
    "INFERENCE_PROCESSES",
    whole_number(1),
    min(4, os.cpu_count() or 1),
    "Images that are answered at once. Each process holds the model, in about 300 MB.",
    default_words="the number of cores, at most 4",
)

# The detector, as Misskey's servers ask it (docs/detector.md).
DETECTOR_MAX_PARTS = setting(
    "DETECTOR_MAX_PARTS",
    whole_number(1),
    10,
    "How many images one request to `/v1/detect-images` may have.",
)
DETECTOR_MAX_SIDE = setting(
    "DETECTOR_MAX_SIDE",
    whole_number(1),
    299,
    "How many pixels wide and high an image for `/v1/detect-images` may be. Callers resize it.",
)
DETECTOR_KEY = setting(
    "DETECTOR_KEY",
    plain_text,
    "",
    "The token that `python -m nsfwsite.detector_server` asks for. The site itself takes the "
    "tokens of its API.",
    default_words="none: everybody may ask",
)
SHARED_PAGE_SECONDS = setting(
    "SHARED_PAGE_SECONDS",
    whole_number(),
    1,
    "For how many seconds a page that looks the same to all strangers is reused. 0 renders it for "
    "every visit.",
)

WEBHOOK_NETWORKS = setting(
    "WEBHOOK_NETWORKS",
    networks,
    [],
    "Networks of yours that [webhooks](webhooks.md) may reach although they are not public, such "
    "as `10.0.0.0/8`; inside them also without HTTPS.",
    default_words="none: public addresses alone, over HTTPS",
)

# How often one visitor may ask.
RATE_CLASSIFICATIONS = setting(
    "RATE_CLASSIFICATIONS", rate, "240/minute", "How often one address may classify an image."
)
RATE_REPORTS = setting("RATE_REPORTS", rate, "600/hour", "How often one address may report.")
CHALLENGE_SHARE = setting(
    "CHALLENGE_SHARE",
    share,
    0.25,
    "After which share of `RATE_CLASSIFICATIONS` and `RATE_REPORTS` the computer of a visitor who "
    "is not signed in has to [solve a challenge](reliability.md#a-burst-from-one-address) for each "
    "further image or report. With 1 none is asked for.",
)
RATE_SIGN_IN = setting("RATE_SIGN_IN", rate, "20/hour", "How often one address may try to sign in.")
RATE_ACCOUNT = setting(
    "RATE_ACCOUNT",
    rate,
    "20/hour",
    "How often one account may be tried from browsers in which nobody has signed in to it before, "
    "all addresses together. Its owner's browser is not affected.",
)
RATE_MAIL = setting("RATE_MAIL", rate, "10/hour", "How often one address may leave a mailbox.")
RATE_MAILBOX = setting("RATE_MAILBOX", rate, "3/day", "How often one mailbox may be left.")

# How long one stays signed in, and with what.
SESSION_IDLE_HOURS = setting(
    "SESSION_IDLE_HOURS",
    whole_number(1),
    12,
    "Hours after the last request, after which somebody who signed in is signed out.",
)
SESSION_DAYS = setting(
    "SESSION_DAYS",
    whole_number(1),
    14,
    "Days after signing in, after which somebody is signed out in any case.",
)
SECOND_STEP_REQUIRED = setting(
    "SECOND_STEP_REQUIRED",
    boolean,
    False,
    "Lets maintainers, people with the safety role and admins do nothing with their account until "
    "it has an authenticator app or a passkey.",
)

# How many reports a source brings.
BURST_REPORTS = setting(
    "BURST_REPORTS",
    whole_number(1),
    200,
    "How many reports from one source (a network, or nearly the same images) go into the queue "
    "within `BURST_MINUTES`. Further ones are held apart. `SOURCE_IMAGES` and `HOUR_IMAGES` decide "
    "how many of their images a dataset version takes.",
)
BURST_MINUTES = setting(
    "BURST_MINUTES", whole_number(1), 60, "The minutes in which `BURST_REPORTS` are counted."
)
SOURCE_IMAGES = setting(
    "SOURCE_IMAGES",
    whole_number(),
    20,
    "How many new images one source may bring to a dataset version, unless `SOURCE_SHARE` allows "
    "more.",
)
HOUR_IMAGES = setting(
    "HOUR_IMAGES",
    whole_number(),
    200,
    "How many new images the reports of one hour may bring to a dataset version, unless "
    "`SOURCE_SHARE` allows more.",
)
SOURCE_SHARE = setting(
    "SOURCE_SHARE",
    share,
    0.2,
    "The share of a dataset version's new images that one source, or one hour, may bring.",
)

# What is kept, and for how long.
COLLECT_MISSES = setting(
    "COLLECT_MISSES",
    boolean,
    False,
    "Keeps images that a reporter says are explicit. Read the law of your country first.",
)
DEMO_IMAGE_MINUTES = setting(
    "DEMO_IMAGE_MINUTES",
    whole_number(),
    10,
    "How many minutes an image is kept if nobody reports it.",
)
DECLINED_DAYS = setting(
    "DECLINED_DAYS",
    whole_number(),
    30,
    "Days in which a rejected report can be appealed. Its images are kept as long.",
)
UNTRAINED_DAYS = setting(
    "UNTRAINED_DAYS",
    whole_number(),
    90,
    "Days for which the images of an accepted report are kept when no model may learn from them.",
)
SOURCE_DAYS = setting(
    "SOURCE_DAYS",
    whole_number(),
    90,
    "Days for which a report keeps the keyed hash of the network it came from. Afterwards only "
    "which reports came together is known.",
)
LOG_DAYS = setting(
    "LOG_DAYS",
    whole_number(1),
    14,
    "Days for which the programs' logs are kept, at most. For half of that time a line is in the "
    "file that is being written.",
)

# Review and audits.
GOLDEN_SHARE = setting(
    "GOLDEN_SHARE",
    share,
    0.05,
    "A [golden case](triage.md) is asked again after this share of new reports. 0 turns this off.",
)
COUNTERFACTUAL_IMAGES = setting(
    "COUNTERFACTUAL_IMAGES",
    whole_number(),
    100,
    "How many images of each audit set are changed (greyscale, mirrored, …) to see whether the "
    "answer changes. Each takes seven more answers; 100 take about a minute on two cores. 0 leaves "
    "them out.",
)

# Mail.
EMAIL_URL = setting(
    "EMAIL_URL",
    url("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail"),
    "",
    "The mail server: `smtp+tls://user:password@host:587`, `smtp+ssl://…:465` or, to try it, "
    "`filemail:///some/folder`. With one, reporters may leave an address on their receipt, and "
    "confirm it by a first e-mail before any other is sent.",
    default_words="none: no mail is offered",
)
DEFAULT_FROM_EMAIL = setting(
    "DEFAULT_FROM_EMAIL", plain_text, "speakup@localhost", "The sender of e-mails."
)

# Signing in with an account elsewhere.
OIDC_SERVER_URL = setting(
    "OIDC_SERVER_URL",
    url("https", "http"),
    "",
    "The issuer of an OpenID Connect provider, such as `https://login.example/realms/staff`. With "
    "one, people can connect their account there to their account here, and sign in with it. "
    "Register `https://…/sign-in/oidc/back/` there as the address to return to.",
    default_words="none: only accounts of this site",
)
OIDC_CLIENT_ID = setting(
    "OIDC_CLIENT_ID",
    plain_text,
    "",
    "The name of this site at that provider.",
    default_words="none",
)
OIDC_CLIENT_SECRET = setting(
    "OIDC_CLIENT_SECRET", plain_text, "", "Its secret there.", default_words="none"
)
OIDC_NAME = setting(
    "OIDC_NAME",
    plain_text,
    "single sign-on",
    "What the pages call that provider: “Sign in with …”.",
)


def oidc_provider() -> dict[str, Any]:
    """The OpenID Connect provider as allauth's settings write it."""
    if not OIDC_SERVER_URL:
        return {}
    if not (OIDC_CLIENT_ID and OIDC_CLIENT_SECRET):
        raise ImproperlyConfigured(
            "OIDC_SERVER_URL needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET. Received: not both. "
            "Take them from the provider, or unset OIDC_SERVER_URL."
        )
    application = {
        "provider_id": "oidc",
        "name": OIDC_NAME,
        "client_id": OIDC_CLIENT_ID,
        "secret": OIDC_CLIENT_SECRET,
        "settings": {"server_url": OIDC_SERVER_URL.rstrip("/")},
    }
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [application]}}


def database() -> dict[str, Any]:
    """DATABASE_URL as Django's settings write it."""
    return dict(environ.Env.db_url_config(DATABASE_URL))


def mail() -> dict[str, Any]:
    """EMAIL_URL as Django's settings write it. Without a server, mail goes into a folder."""
    return dict(environ.Env.email_url_config(EMAIL_URL or f"filemail://{DATA_DIR / 'outbox'}"))


def secret_key() -> str:
    """SECRET_KEY, or the key that set-up keeps in DATA_DIR."""
    if SECRET_KEY:
        return SECRET_KEY
    path = DATA_DIR / "secret_key"
    if path.is_file():
        return path.read_text().strip()
    raise ImproperlyConfigured(
        f"SECRET_KEY must be set. Received: none, and no file {path}. "
        "Start the site with `make run`, which makes one, or set SECRET_KEY."
    )
