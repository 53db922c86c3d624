"""Actions in words: what they are called, why one cannot be had, how one ended."""

from django.utils.functional import Promise
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from accounts.models import User
from servers import power, steps, verdicts
from servers.models import Action, Server
from servers.power import Refusal

Words = str | Promise

# What the button says.
LABELS: dict[str, Words] = {
    power.START: _("Start"),
    power.SHUTDOWN: _("Shut down"),
    power.STOP: _("Power off"),
    power.REBOOT: _("Restart"),
    power.RESET: _("Reset"),
    power.SUSPEND: _("Pause"),
    power.RESUME: _("Resume"),
    power.DELETE: _("Delete"),
    power.PASSWORD: _("Reset password"),
    "snapshot.create": _("Take a snapshot"),
    "snapshot.delete": _("Delete a snapshot"),
    "snapshot.rollback": _("Roll back"),
}
# While it is under way.
DOING: dict[str, Words] = {
    power.START: _("Starting"),
    power.SHUTDOWN: _("Shutting down"),
    power.STOP: _("Powering off"),
    power.REBOOT: _("Restarting"),
    power.RESET: _("Resetting"),
    power.SUSPEND: _("Pausing"),
    power.RESUME: _("Resuming"),
    power.DELETE: _("Deleting"),
    power.PASSWORD: _("Setting the password"),
    "snapshot.create": _("Taking a snapshot"),
    "snapshot.delete": _("Deleting a snapshot"),
    "snapshot.rollback": _("Rolling back"),
}
DONE: dict[str, Words] = {
    power.START: _("Started."),
    power.SHUTDOWN: _("Shut down."),
    power.STOP: _("Powered off."),
    power.REBOOT: _("Restarted."),
    power.RESET: _("Reset."),
    power.SUSPEND: _("Paused."),
    power.RESUME: _("Resumed."),
    power.DELETE: _("Deleted, with its disks."),
    "snapshot.create": _("The snapshot “%(title)s” was taken."),
    "snapshot.delete": _("The snapshot “%(title)s” was deleted."),
    "snapshot.rollback": _("Rolled back to “%(title)s”."),
}
# What it means for whoever works on the server; asked before.
CONSEQUENCES: dict[str, Words] = {
    power.SHUTDOWN: _("The server is asked to shut down. What runs on it ends."),
    power.STOP: _(
        "The power is cut at once. What was not written to the disk is lost; shut down instead "
        "where the server still reacts."
    ),
    power.REBOOT: _("The server shuts down and starts again. What runs on it is interrupted."),
    power.RESET: _(
        "The server is reset at once, without shutting down. What was not written is lost."
    ),
    power.SUSPEND: _("The server stands still until it is resumed. Its memory is kept."),
}
LOCKS: dict[str, Words] = {
    "backup": _("A backup is running."),
    "clone": _("It is being copied."),
    "create": _("It is being created."),
    "disk": _("Its disks are being changed."),
    "migrate": _("It is moving to another machine."),
    "rollback": _("It is being rolled back to a snapshot."),
    "snapshot": _("A snapshot is being taken."),
    "snapshot-delete": _("A snapshot is being deleted."),
    "suspended": _("It is hibernated."),
    "suspending": _("It is being hibernated."),
}
# What is seen of a lock in a list.
LOCK_NAMES: dict[str, Words] = {
    "backup": pgettext_lazy("lock", "backup"),
    "clone": pgettext_lazy("lock", "clone"),
    "create": pgettext_lazy("lock", "create"),
    "disk": pgettext_lazy("lock", "disk"),
    "migrate": pgettext_lazy("lock", "migrate"),
    "rollback": pgettext_lazy("lock", "rollback"),
    "snapshot": pgettext_lazy("lock", "snapshot"),
    "snapshot-delete": pgettext_lazy("lock", "snapshot-delete"),
    "suspended": pgettext_lazy("lock", "suspended"),
    "suspending": pgettext_lazy("lock", "suspending"),
}
FAILURES: dict[str, Words] = {
    "denied": _("The panel lacks the rights for this. The staff have to look."),
    "unreachable": _("The host could not be reached; nothing was done."),
    "unreachable_midway": _("Then the host could not be reached: the rest was not done."),
    "guest_ignored_it": _("The server did not react to being asked. You can power it off."),
    "interrupted": _("It was interrupted on the host."),
    "overruled": _("A power-off was asked for instead."),
    "lock_busy": _("Another operation held the server. Try again when that is over."),
    "locked": _("The server is locked by another operation."),
    "already_running": _("It is running already."),
    "moved": _("The server moved to another host meanwhile. Try again."),
    "missing": _("The host does not list this server any more."),
    "other_guest": _("Another guest has taken this server's place; nothing was done."),
    "not_identified": _("It is not known yet which guest this is. Try again in a minute."),
    "protected": _("The server is protected from being deleted."),
    "agent": _("The guest agent in the server did not do it."),
    "secret_lost": _("The password was lost on its way; nothing was changed. Try again."),
    "never_sent": _("The panel did not get to it in time; nothing was done."),
    "no_snapshot": _("There is no such snapshot any more."),
    "name_used": _("There is a snapshot of that name already."),
    "no_snapshots": _("No snapshots can be taken where its disks are."),
    "not_newest": _("The storage of its disks goes back to the newest snapshot alone."),
    "never_sent_midway": _("Then the panel did not get to the rest in time: it was not done."),
    "no_access": _("Whoever asked for it may not act on this server any more."),
    "ha_error": _("High availability has put this server into the state error."),
}
# Said of what had to be done first, where the rest was not.
STEPS_DONE: dict[str, Words] = {
    steps.STOP: _("The server was powered off."),
    steps.SNAPSHOT: _("A snapshot was taken."),
}
LOSSES: dict[str, Words] = {
    "deadline": _("It was not over when its time was up."),
    "task_lost": _("The host has lost track of it."),
    "no_trace": _("The host did not answer, and shows no trace of it."),
    "not_confirmed": _("The host did not confirm it: it may or may not have been done."),
}


def label(type: str) -> str:
    return str(LABELS.get(type, type))


def doing(action: Action) -> str:
    if action.is_queued:
        return now_("Waiting for its turn: other snapshots are at work")
    if action.step == steps.SNAPSHOT and action.type != "snapshot.create":
        return now_("Taking a snapshot first")
    if action.type == power.DELETE and action.step != steps.DESTROY:
        return now_("Powering off, to delete it")
    return str(DOING.get(action.type, action.type))


def lock_name(lock: str) -> str:
    return str(LOCK_NAMES.get(lock, lock))


def lock_words(lock: str) -> str:
    return str(LOCKS.get(lock) or now_("It is locked (%(lock)s).") % {"lock": lock})


def reason(refusal: Refusal | None) -> str:
    """One sentence; empty where nothing stands in the way."""
    if refusal is None:
        return ""
    match refusal.code:
        case "busy":
            return now_("%(action)s is under way.") % {"action": DOING.get(refusal.detail, "…")}
        case "lock":
            return lock_words(refusal.detail)
        case "state":
            return state_words(refusal.detail)
        case "kind":
            return now_("A container cannot do this.")
        case _:
            return str(REASONS.get(refusal.code, refusal.code))


REASONS: dict[str, Words] = {
    "gone": _("It does not exist any more."),
    "protected": _("It is protected. Take the protection off first."),
    "protected_in_proxmox": _("It is protected by the staff."),
    "forbidden": _("You may not delete this server: the administrators do that here."),
    "role": _("Your role lets you look at servers of others, but not do this."),
    "not_read": _("It is being looked up what this server can do."),
    "no_password_way": _("It has neither a guest agent nor cloud-init."),
}


def state_words(status: str) -> str:
    words: dict[str, Words] = {
        Server.Status.RUNNING: _("It is running."),
        Server.Status.STOPPED: _("It is switched off."),
        Server.Status.PAUSED: _("It is paused."),
        Server.Status.SUSPENDED: _("It is hibernated."),
        Server.Status.UNKNOWN: _("Its state is not known at the moment."),
    }
    return str(words.get(status, status))


def sentence(action: Action) -> str:
    """What happened, or is happening, in one sentence."""
    match action.status:
        case Action.Status.SUCCESS:
            return with_warnings(done(action), action.warnings)
        case Action.Status.FAILED:
            return after_steps(action, FAILURES.get(action.error_code) or action.error_message)
        case Action.Status.LOST:
            known = LOSSES.get(action.error_code) or action.error_message
            return after_steps(
                action, now_("It is not known how this ended. %(why)s") % {"why": known}
            )
        case _:
            return f"{doing(action)}…"


def after_steps(action: Action, words: Words) -> str:
    """How it ended, and before it what had been done by then: that stays done."""
    before = [
        str(STEPS_DONE[step["step"]])
        for step in action.steps
        if step["step"] in STEPS_DONE and step["step"] != action.step and step["upid"]
    ]
    return " ".join([*before, str(words)])


def done(action: Action) -> str:
    if action.type != power.PASSWORD:
        words = str(DONE.get(action.type) or now_("Done."))
        return words % {"title": title_of(action)} if "%(title)s" in words else words
    words = (
        now_("%(user)s gets the new password at the next start.")
        if action.step == steps.CLOUD_INIT
        else now_("%(user)s has the new password.")
    )
    return words % {"user": action.parameters.get("username", "root")}


def title_of(action: Action) -> str:
    take = action.parameters.get("take")
    return str(action.parameters.get("title") or (take or {}).get("title", ""))


def with_warnings(words: str, count: int) -> str:
    if not count:
        return words
    warned = ngettext(
        "The host gave %(count)s warning.", "The host gave %(count)s warnings.", count
    )
    return f"{words} {warned % {'count': count}}"


def details(action: Action, viewer: User) -> str:
    """Proxmox's own words, where the sentence has others."""
    is_known = action.error_code in FAILURES or action.error_code in LOSSES
    is_for_them = viewer.is_staff or action.error_code not in verdicts.INSIDE
    return action.error_message if is_known and is_for_them else ""
