"""manage.py rotate_encryption_key: encrypt all stored secrets with the first key."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from alerts import destinations
from alerts.models import NotificationChannel
from servers.models import ClusterToken
from servers.secrets import LostSecret, seal


class Command(BaseCommand):
    help = (
        "Re-encrypts stored secrets with the first of ENCRYPTION_KEYS. Put the new key in front, "
        "restart, run this, then take the old key away."
    )

    def handle(self, *args: object, **options: object) -> None:
        with transaction.atomic():
            tokens = list(ClusterToken.objects.select_for_update())
            channels = list(NotificationChannel.objects.select_for_update().exclude(secret=""))
            opened = [destinations.secret_of(channel) for channel in channels]
            lost = any(isinstance(secret, LostSecret) for secret in opened)
            if lost or any(token.is_lost for token in tokens):
                raise CommandError(
                    "Nothing was changed. A stored secret cannot be decrypted: the key it was "
                    "encrypted with is missing from ENCRYPTION_KEYS."
                )
            for token in tokens:
                token.save(update_fields=["secret"])
            for channel, secret in zip(channels, opened, strict=True):
                channel.secret = seal(secret)
                channel.save(update_fields=["secret"])
        count = len(tokens) + len(channels)
        self.stdout.write(self.style.SUCCESS(f"{count} secrets are encrypted anew."))
