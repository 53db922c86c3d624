"""manage.py doctor: what is wrong with this installation, in plain words, and what mends it."""

from django.core.management.base import BaseCommand, CommandError

from panel.diagnosis import examine


class Command(BaseCommand):
    help = "Looks at database, Redis, keys, processes, files and clusters; says what to do."
    # Django's own checks would end the command before it could say why.
    requires_system_checks = []

    def handle(self, *args: object, **options: object) -> None:
        ill = 0
        for finding in examine():
            mark = self.style.SUCCESS("ok  ") if finding.well else self.style.ERROR("BAD ")
            self.stdout.write(f"{mark}{finding.what}: {finding.words}")
            if not finding.well:
                ill += 1
                self.stdout.write(f"      {finding.remedy}")
        if ill:
            raise CommandError(f"{ill} things to mend.")
