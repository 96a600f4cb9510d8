"""The table in docs/roles.md, tried line by line: every address, every method, as every role."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils.http import urlencode
from drf_spectacular.generators import SchemaGenerator

from feedback import queries, roles
from feedback.models import (
    Audit,
    AuditSet,
    Axis,
    BlockedHash,
    Burst,
    EmailAddress,
    Finding,
    ModelVersion,
    Retrain,
)
from feedback.models.report import new_receipt
from feedback.services import (
    datasets,
    definitions,
    emails,
    erasure,
    manifests,
    slices,
    triage,
    webhooks,
)
from modeltrain.data import manifest
from modeltrain.data.manifest import Row
from modeltrain.images.codec import to_png
from modeltrain.model import artifact
from tests.cast import account, token_of
from tests.conftest import ROOT, noise
from tests.nsfwsite.audits.examples import audit_with_findings

pytestmark = pytest.mark.django_db

TABLE = ROOT / "docs" / "roles.md"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ADMIN = "/admin/…"
FORM = "application/x-www-form-urlencoded"
ARGUMENT = re.compile(r"<(?:\w+:)?\w+>")
# Only a receipt opens these. All other roles try a random one.
RECEIPTS = (
    "/r/<str:receipt>",
    "/mail/<str:token>",
    "/labels/o/<str:receipt>",
    "/api/v1/reports/<str:receipt>",
)


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    address: str
    of: str
    methods: tuple[str, ...]
    opens: Mapping[str, bool]


def read_table() -> list[Line]:
    lines, roles = [], []
    for text in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in text.strip("|").split("|")]
        if cells[:2] == ["address", "methods"]:
            roles = cells[2:]
        elif text.startswith("| `/"):
            address, of = re.fullmatch(r"`(\S+)`(.*)", cells[0]).groups()
            assert set(cells[2:]) <= {"yes", "–"}, f"“yes” or “–”, and nothing else: {text}"
            opens = {role: cell == "yes" for role, cell in zip(roles, cells[2:], strict=True)}
            lines.append(Line(address, of, tuple(cells[1].split(", ")), opens))
    return lines


def addresses() -> list[str]:
    """Every address of the site as its URL patterns have it, with the admin as one."""
    paths = (f"/{path}" for path in _patterns(get_resolver()))
    return list(dict.fromkeys(ADMIN if path.startswith("/admin/") else path for path in paths))


def _patterns(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for item in resolver.url_patterns:
        if isinstance(item, URLPattern):
            yield before + str(item.pattern)
        else:
            yield from _patterns(item, before + str(item.pattern))


def test_every_address_is_in_the_table_and_nothing_else_is() -> None:
    existing, documented = addresses(), [line.address for line in read_table()]
    for missing in [address for address in existing if address not in documented]:
        pytest.fail(
            f"docs/roles.md does not say who may open {missing}. Add a line to one of its tables:\n"
            f"| `{missing}` | GET | yes | yes | yes | yes | yes | yes | yes |\n"
            "with the methods that it takes, and – for every role that it is shut to."
        )
    stale = [address for address in documented if address not in existing]
    assert not stale, f"docs/roles.md speaks of addresses that do not exist: {stale}. Remove them."


def test_the_table_has_every_operation_of_the_api() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    operations = {
        (re.sub(r"{\w+}", "{}", path), method.upper())
        for path, methods in schema.items()
        for method in methods
    }
    documented = {
        (ARGUMENT.sub("{}", line.address), method)
        for line in read_table()
        for method in line.methods
        if line.address.startswith("/api/v1/")
    } - {("/api/v1/schema/", "GET")}
    assert documented == operations, "The API's lines of docs/roles.md are its schema's operations."


@pytest.fixture
def things(champion, axes, judged, filed, queued, mona, settings) -> dict[str, object]:
    """What stands in for an address's arguments.

    By the address as far as the argument, with what the table says that it is of; and what is
    sent to an address that finds nothing without.
    """
    champion.sha256 = stored_artifact(b"v1")
    champion.save()
    audit = audit_with_findings(champion, settings)
    regions = Finding.objects.get(kind="slices")
    named = slices.name(finding=regions, region=1, title="Flags", by=mona)
    retrain = evaluated(champion, audit, mona)
    samples(settings)
    objection = definitions.object_to(label="sexy", words="Who decides what arouses?")
    answer, report = judged(1), queued(2)
    wanted = EmailAddress.objects.create(report=report, site="http://testserver")
    webhook = webhooks.add(url="https://example.org/", events=["gate.decided"], by=mona)
    delivery = webhook.deliveries.get()
    token_of(mona)
    api_token = mona.api_tokens.get()
    unseen, escalated, unscreened = judged(3), queued(4), filed(5)
    triage.decide(report=escalated, outcome="escalated", by=mona, reason="No.")
    images = {
        "": report,
        " of an escalated report": escalated,
        " of a report that is not screened": unscreened,
    }
    triage_images = {
        f"/triage/images/<int:pk>{of}": report.examples.get().image_id
        for of, report in images.items()
    }
    shown = manifest.read(audit.audit_set.manifest)[0].sha256
    pictures = "/audits/pictures/<slug:name>"
    signal = "/audits/signals/<slug:axis>"
    return triage_images | {
        "/triage/images/<int:pk> of an answer that nobody reported": unseen.image_id,
        "/safety/<int:pk>": escalated.pk,
        "/safety/<int:pk> of a queued report": report.pk,
        "/triage/held/<int:pk>": Burst.objects.create(kind="network").pk,
        "/triage/decisions.<str:kind>": "csv",
        "/transparency/<str:month>": queries.transparency.months()[0],
        "/transparency/<str:month>.<str:kind>": "csv",
        "/forgotten-password/<base36:uidb36>": "1",
        "/forgotten-password/<base36:uidb36>-<str:key>": "no-such-key",
        "/c/<uuid:pk>": answer.pk,
        "/api/v1/classifications/<uuid:pk>": answer.pk,
        "/samples/<str:name>": "fox.png",
        signal: "medium",
        f"{signal}/<slug:value>": "vector",
        f"{signal}/<slug:value>/<str:kind>": "confusion",
        "/audits/slices/<int:pk>": named.pk,
        "to /audits/slices/name/": {"finding": regions.pk, "region": 0, "title": "Another"},
        "/audits/findings/<int:pk>": regions.pk,
        "/artifacts/<str:sha256>": champion.sha256,
        "/artifacts/<str:sha256> of a candidate": retrain.candidate.sha256,
        pictures: audit.audit_set.name,
        f"{pictures}/<str:sha256>": shown,
        f"{pictures} of a private set": private_set(audit.audit_set).name,
        f"{pictures}/<str:sha256> of a private set": shown,
        "/models/<str:version>": champion.version,
        "/api/v1/models/<str:version>": champion.version,
        "/retrains/back/<str:version>": champion.version,
        "/datasets/<int:number>": retrain.dataset.number,
        "/audits/candidates/<int:dataset>": retrain.dataset.number,
        "/labels/objections/<int:pk>": objection.pk,
        "/labels/o/<str:receipt>": objection.receipt,
        "/r/<str:receipt>": report.receipt,
        "/mail/<str:token>": emails.token_of(wanted),
        "/api/v1/reports/<str:receipt>": report.receipt,
        "/triage/<int:pk>": report.pk,
        "/api/v1/triage/<int:pk>": report.pk,
        "/account/passkeys/<int:pk>": 1,
        "/account/tokens/<int:pk>": api_token.pk,
        "/account/tokens/<int:pk> of somebody else": api_token.pk,
        "/retrains/<int:pk>": retrain.pk,
        "/api/v1/retrains/<int:pk>": retrain.pk,
        "/webhooks/<int:pk>": webhook.pk,
        "/webhooks/<int:pk>/deliveries/<uuid:delivery>": delivery.pk,
        "/api/v1/webhooks/<int:pk>": webhook.pk,
        "/api/v1/webhooks/<int:pk>/deliveries/<uuid:delivery>": delivery.pk,
    }


def evaluated(champion: ModelVersion, audit: Audit, by: User) -> Retrain:
    return Retrain.objects.create(
        status="evaluated",
        base=champion,
        candidate=ModelVersion.objects.create(
            number=2, sha256=stored_artifact(b"v2"), title="Retrain 1"
        ),
        dataset=datasets.create_first([Row("c" * 64, "neutral", {}, "train", "stamps", "owl")]),
        config="head",
        judged_against=champion,
        audit_set=audit.audit_set,
        gate=Finding.objects.get(kind="int8").figures["gate"],
        proposed_by=by,
    )


def stored_artifact(graph: bytes) -> str:
    """The name of an artifact's folder."""
    files = {"model.onnx": graph, "labels.json": b"[]", "config.json": b"{}"}
    return artifact.write(parent=settings.ARTIFACTS_DIR, files=files).sha256


def samples(settings) -> None:
    folder = settings.DEMO_DIR / "samples"
    folder.mkdir(parents=True)
    (folder / "fox.png").write_bytes(to_png(noise(9)))
    (folder / "samples.json").write_text('[{"file": "fox.png", "title": "Red fox"}]')


def private_set(shown: AuditSet) -> AuditSet:
    """Some of the pictures of a public set, in one whose pictures are nobody's to see."""
    rows = manifest.read(shown.manifest)[:40]
    return AuditSet.objects.create(
        name="private", manifest_sha256=manifests.publish(rows), images=len(rows)
    )


@pytest.fixture(autouse=True)
def _files_stay(monkeypatch) -> None:
    """What is tried is taken back in the database; files would be gone."""
    monkeypatch.setattr(erasure, "erase_files", lambda: None)


@pytest.fixture(autouse=True)
def _one_address_asks_for_everybody(settings) -> None:
    settings.RATE_SIGN_IN = "1000/hour"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A thousand refusals, each with its traceback, take longer to write than to make."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def cast(ravi, mona) -> dict[str, User | None]:
    """Each role by itself, as one person has it."""
    return {
        "visitor": None,
        "reporter": None,
        "reviewer": ravi,
        "safety": account("sana", roles.SAFETY),
        "maintainer": account("max", roles.MAINTAINERS),
        "auditor": account("aino", roles.AUDITORS),
        "admin": User.objects.create_superuser("adam", password="a long enough password"),
    }


class Person:
    """Somebody at a browser, and at the API with a token where they have an account."""

    def __init__(self, role: str, user: User | None, things: Mapping[str, object]) -> None:
        self.role = role
        self.things = things
        self.session, self.token = "", {}
        if user:
            TOTP.activate(user, generate_totp_secret())
            RecoveryCodes.activate(user)
            client = Client()
            client.force_login(user)
            self.session = client.cookies[settings.SESSION_COOKIE_NAME].value
            self.token = {"Authorization": f"Token {token_of(user)}"}
            own = user.api_tokens.first()
            self.things = {**things, "/account/tokens/<int:pk>": own and own.pk}

    def tries(self, method: str, address: str, of: str = "") -> HttpResponse:
        """What is answered. Nothing of it stays: the next one finds everything as it was."""
        url = ARGUMENT.sub(lambda match: str(self._thing(address[: match.end()], of)), address)
        client = Client(raise_request_exception=False)
        client.cookies[settings.SESSION_COOKIE_NAME] = self.session
        with transaction.atomic():
            form = urlencode(self.things.get(f"to {address}", {}))
            response = client.generic(method, url, form, FORM, headers=self.token)
            transaction.set_rollback(True)
        return response

    def _thing(self, key: str, of: str) -> object:
        if key in RECEIPTS and self.role != "reporter":
            return new_receipt()
        if (key + of) not in self.things:
            pytest.fail(f"Nothing stands for {key + of!r}. Add it to `things` in {__file__}.")
        return self.things[key + of]


def is_shut(response: HttpResponse) -> bool:
    to = response.headers.get("Location", "")
    return response.status_code in (401, 403, 404) or to.startswith(("/sign-in/", "/admin/"))


def test_every_address_opens_to_those_in_the_table_and_to_nobody_else(things, cast) -> None:
    table = [line for line in read_table() if line.address != ADMIN]
    everybody = {role: Person(role, user, things) for role, user in cast.items()}
    wrong = []
    for line in table:
        for method, (role, person) in product(line.methods, everybody.items()):
            response = person.tries(method, line.address, line.of)
            as_told = is_shut(response) != line.opens[role] and response.status_code != 405
            if not as_told or broke(response):
                expected = "yes" if line.opens[role] else "–"
                wrong.append(
                    f"{method} {line.address}{line.of} as {role}: {response}, not {expected}"
                )
    for address in dict.fromkeys(line.address for line in table):
        lines = [line for line in table if line.address == address]
        admitted = [role for role in everybody if any(line.opens[role] for line in lines)]
        for method in set(METHODS) - {method for line in lines for method in line.methods}:
            for role in dict.fromkeys(["visitor", *admitted[:1]]):
                response = everybody[role].tries(method, address)
                if broke(response) or not (response.status_code == 405 or is_shut(response)):
                    wrong.append(f"{method} {address} as {role}: {response}, and it is in no line")
    assert not wrong, "\n".join(["Mend the door, or the line in docs/roles.md:", *wrong])


def test_what_one_may_not_see_is_not_there(things, cast) -> None:
    """An address with the name or number of a thing answers 404 to whoever has no right to it,
    whether there is such a thing or not; 403 would say that there is."""
    people = {role: Person(role, user, things) for role, user in cast.items() if user}
    wrong = []
    for line in read_table():
        if "<" not in line.address:
            continue
        for method, (role, person) in product(line.methods, people.items()):
            if line.opens[role]:
                continue
            status = person.tries(method, line.address, line.of).status_code
            if status != 404:
                wrong.append(f"{method} {line.address}{line.of} as {role}: {status}")
    assert not wrong, "\n".join(["These are to answer 404:", *wrong])


def broke(response: HttpResponse) -> bool:
    return response.status_code >= 500 and response.status_code != 503


def test_the_admin_opens_to_superusers_alone(things, cast) -> None:
    pages = [f"/{path}" for path in _patterns(get_resolver()) if path.startswith("admin/")]
    pages = [ARGUMENT.sub("1", page) for page in pages if "^" not in page and "(" not in page]
    pages += ["/admin/feedback/", "/admin/no-such-page/"]
    admin_line = next(line for line in read_table() if line.address == ADMIN)
    for role, user in cast.items():
        person = Person(role, user, {})
        assert is_shut(person.tries("GET", "/admin/")) != admin_line.opens[role], role
        if not admin_line.opens[role]:
            for method in ("GET", "POST"):
                opened = [page for page in pages if not is_shut(person.tries(method, page))]
                assert not opened, f"{method} as {role}"


def test_the_admin_holds_no_picture_report_or_token() -> None:
    assert set(admin.site._registry) == {User, Group, Axis, BlockedHash}


def test_an_account_is_closed_in_the_admin_and_never_deleted(client, ravi, queued) -> None:
    triage.decide(report=queued(), outcome="escalated", by=ravi, reason="No.")
    client.force_login(User.objects.create_superuser("adam"))
    deletion = client.post(reverse("admin:auth_user_delete", args=[ravi.pk]), {"post": "yes"})
    listed = client.get(reverse("admin:auth_user_changelist")).content.decode()
    assert deletion.status_code == 403
    assert "ravi" in listed
    assert "delete_selected" not in listed


def test_a_receipt_is_not_guessed_from_half_of_it(client, queued) -> None:
    receipt = queued().receipt
    half = receipt[:12] + new_receipt()[12:]
    answers = [client.get(reverse("receipt", args=[guess])) for guess in (half, new_receipt())]
    assert [answer.status_code for answer in answers] == [404, 404]
    pages = [re.sub(rb'nonce="[^"]*"', b"", answer.content) for answer in answers]
    assert pages[0] == pages[1]
    assert len(set(receipt)) > 8
    for swapped in (receipt.swapcase(), receipt + " ", receipt[:-1], "%"):
        assert client.get(reverse("receipt", args=[swapped])).status_code == 404


def test_numbers_of_others_things_open_nothing(client, queued) -> None:
    report = queued()
    image = report.examples.get().image
    for number in (report.pk, image.pk, image.sha256, image.file.name.replace("/", "-")):
        assert client.get(reverse("receipt", args=[number])).status_code == 404
        assert client.get(reverse("api:report", args=[number])).status_code == 404


def test_a_signed_in_browser_has_no_right_at_the_api(client, mona) -> None:
    client.force_login(mona)
    assert client.get("/api/v1/triage/").status_code == 401
    assert client.post("/api/v1/retrains/").status_code == 401
