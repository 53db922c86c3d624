"""manage.py rotate_encryption_key: encrypt all stored secrets with the first key."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from servers.models import ClusterToken
from servers.secrets import Undecryptable


class Command(BaseCommand):
    help = (
        "Re-encrypts stored secrets with the first of ENCRYPTION_KEYS. Put the new key in front, "
        "restart, run this, then take the old key away."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            with transaction.atomic():
                tokens = list(ClusterToken.objects.select_for_update())
                for token in tokens:
                    token.save(update_fields=["secret"])
        except Undecryptable as error:
            raise CommandError(f"Nothing was changed. {error}") from error
        self.stdout.write(self.style.SUCCESS(f"{len(tokens)} secrets are encrypted anew."))
