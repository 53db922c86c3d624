"""Why messages do not get through, and what is wrong with hosts: sentences of ours that are stored."""

from django.utils.translation import gettext_noop as noop

from accounts.stored import Sentences

LOST_SECRET = noop("Its stored secret cannot be decrypted: ENCRYPTION_KEYS lacks the key.")
NO_ACCESS = noop("This person has no access any more.")
NO_SUCH_KIND = noop("There is no such kind of channel any more.")
REMOVED = noop("The channel was removed.")
SOMEBODY_ELSES = noop("The channel is somebody else's.")
NOT_CONFIRMED = noop("The channel is not confirmed.")
SWITCHED_OFF = noop("The channel is switched off.")
REFUSED_BEFORE = noop("The channel was refused before: %(why)s")
FIRST_LOST = noop("The first never got through.")
ENDS_WORKERS = noop("It ended each worker that sent it.")
NOTHING_FOR_A_DAY = noop("Nothing got through for a day: %(why)s")
NOT_IN_TIME = noop("It was not over within %(seconds)s s.")
NOT_OPEN = noop("This address leads into a network that is not open to the panel.")
NO_HTTP = noop("It does not speak HTTP as it should (%(error)s).")
REDIRECTS = noop("Redirects are not followed: %(answer)s")
NO_HOST_NAME = noop("This is not the name of a host.")
NO_MAIL = noop("No mail can be made of it: %(error)s")
NO_ADDRESS = noop("There is no address.")

NODE_OFFLINE = noop("The cluster says that this node is offline.")
NOT_LOOKED_AT = noop("This storage cannot be looked at.")
STORAGE_FULL = noop("This storage is %(share)s full.")

shown = Sentences(
    LOST_SECRET, NO_ACCESS, NO_SUCH_KIND, REMOVED, SOMEBODY_ELSES, NOT_CONFIRMED, SWITCHED_OFF,
    REFUSED_BEFORE, FIRST_LOST, ENDS_WORKERS, NOTHING_FOR_A_DAY, NOT_IN_TIME, NOT_OPEN, NO_HTTP,
    REDIRECTS, NO_HOST_NAME, NO_MAIL, NO_ADDRESS, NODE_OFFLINE, NOT_LOOKED_AT, STORAGE_FULL,
).shown  # fmt: skip
