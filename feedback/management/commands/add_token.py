"""Make a token of the API for an account, and print it: for a program without a person."""

import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from feedback.errors import Refusal
from feedback.services import api_tokens


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", help="the name of an account")
        parser.add_argument("--name", default="Made on the machine")
        parser.add_argument(
            "--scopes", nargs="+", metavar="SCOPE", help="by default, all that the role allows"
        )
        parser.add_argument("--days", type=int, default=api_tokens.LONGEST_DAYS)

    def handle(self, *args: Any, **options: Any) -> None:
        owner = User.objects.filter(username=options["account"], is_active=True).first()
        if owner is None:
            raise CommandError(
                f"A token belongs to an account that is open. Received: {options['account']!r}. "
                "Add the account at /admin/ first."
            )
        try:
            _, secret = api_tokens.add(
                owner=owner,
                name=options["name"],
                scopes=options["scopes"] or api_tokens.scopes_of_role(owner),
                expires_on=timezone.localdate() + datetime.timedelta(days=options["days"]),
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(secret)
