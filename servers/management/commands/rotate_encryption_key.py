"""manage.py rotate_encryption_key: encrypt all stored secrets with the first key."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from servers.models import ClusterToken


class Command(BaseCommand):
    help = (
        "Re-encrypts stored secrets with the first of ENCRYPTION_KEYS. Put the new key in front, "
        "restart, run this, then take the old key away."
    )

    def handle(self, *args: object, **options: object) -> None:
        with transaction.atomic():
            tokens = list(ClusterToken.objects.select_for_update())
            if any(token.is_lost for token in tokens):
                raise CommandError(
                    "Nothing was changed. A stored secret cannot be decrypted: the key it was "
                    "encrypted with is missing from ENCRYPTION_KEYS."
                )
            for token in tokens:
                token.save(update_fields=["secret"])
        self.stdout.write(self.style.SUCCESS(f"{len(tokens)} secrets are encrypted anew."))
