"""manage.py setup_link: the address at which the first administrator is made."""

from django.core.management.base import BaseCommand, CommandError

from panel.first_run import key


class Command(BaseCommand):
    help = (
        "Prints the address at which the first administrator is made and led through the rest, in "
        "the browser. It is good for a day, and as long as there is no administrator."
    )

    def handle(self, *args: object, **options: object) -> None:
        if not key.is_wanted():
            raise CommandError(
                "There is an administrator already, who can make others on the staff site."
            )
        self.stdout.write(key.link())
