"""The staff site: Django's admin with a start page, one search for everything, and its own order."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _

from accounts.views import SignOutView
from panel import desk
from servers import finding, live
from servers.finding import Group
from servers.models import Action, Cluster, Node, Server

SECTIONS: tuple[tuple[str | Promise, tuple[str, ...]], ...] = (
    (_("Servers"), ("servers.Server", "servers.Action", "servers.ConsoleRequest",
                    "servers.ConsoleSession")),
    (_("People"), ("accounts.User", "accounts.ApiSession", "accounts.AuditEntry")),
    (_("Alerts"), ("alerts.Alert", "alerts.Incident", "alerts.MaintenanceWindow",
                   "alerts.Notification", "alerts.NotificationChannel", "alerts.AlertRule")),
    (_("Snapshots"), ("snapshots.Snapshot", "snapshots.SnapshotSchedule",
                      "snapshots.ServerSnapshots")),
    (_("Proxmox VE"), ("servers.Cluster", "servers.Node")),
)  # fmt: skip
# What is offered while somebody types a mail address.
MOST_SUGGESTED = 10


class StaffSite(admin.AdminSite):
    index_title = _("Overview")
    index_template = "admin/start.html"

    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("search/", self.admin_view(self.search), name="search"),
            path("search/people/", self.admin_view(self.suggest_people), name="suggest-people"),
            path("desk/", self.admin_view(self.desk), name="desk"),
            *super().get_urls(),
        ]

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().index(request, {**(extra_context or {}), **at_desk()})

    def password_change(  # type: ignore[override]  # its stubs know a template alone
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """One's own is changed in one place, which records it and ends what hangs on the old one."""
        return redirect("account")

    def logout(  # type: ignore[override]  # its stubs know a template alone
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        """As from the pages: sockets end, and what is done on behalf of somebody."""
        response: HttpResponse = SignOutView.as_view(tell=live.signed_out)(request)
        return response

    def desk(self, request: HttpRequest) -> HttpResponse:
        """The piece of the start page that is got anew."""
        return render(request, "admin/desk.html", at_desk())

    def search(self, request: HttpRequest) -> HttpResponse:
        text = finding.tidy(request.GET.get("q", ""))
        exact, groups = finding.find(text)
        context = {
            **self.each_context(request),
            "title": now_("Search"),
            "q": text,
            "exact": [shown(row) for row in exact],
            "groups": [group_context(group, text) for group in groups],
        }
        return render(request, "admin/search.html", context)

    def suggest_people(self, request: HttpRequest) -> JsonResponse:
        """Those who can sign in and are called like that, for a field that asks for one."""
        text = finding.tidy(request.GET.get("q", ""))
        found = finding.people(text).filter(is_active=True)
        some = found[:MOST_SUGGESTED] if text else found.none()
        return JsonResponse({"people": [suggestion(each) for each in some]})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """In the order of a day's work; below an app's own address as Django has it."""
        listed = super().get_app_list(request, app_label)
        if app_label is not None:
            return listed
        models = {each["model"]._meta.label: each for app in listed for each in app["models"]}
        sections = [
            section(str(title), [models.pop(label) for label in labels if label in models])
            for title, labels in SECTIONS
        ]
        sections.append(section(now_("Others"), list(models.values())))
        return [each for each in sections if each["models"]]


def section(name: str, models: list[Any]) -> dict[str, Any]:
    """As Django's templates want an app; its heading leads to the first of its lists."""
    address = models[0]["admin_url"] if models else ""
    label = models[0]["model"]._meta.app_label if models else ""
    return {"name": name, "app_label": label, "app_url": address, "models": models}


def at_desk() -> dict[str, object]:
    now = timezone.now()
    found = desk.matters(now)
    return {
        "matters": [matter for matter in found if matter.weight],
        "well": [matter for matter in found if not matter.weight],
        "read_at": now,
    }


def suggestion(person: Any) -> dict[str, str]:
    return {"email": person.email, "name": person.get_full_name()}


# What was found, as the page shows it

TITLES = {
    "server": _("Servers"),
    "person": _("People"),
    "cluster": _("Clusters"),
    "node": _("Nodes"),
    "action": _("Actions"),
}
LISTS = {
    "server": "servers_server",
    "person": "accounts_user",
    "cluster": "servers_cluster",
    "node": "servers_node",
    "action": "servers_action",
}


def group_context(group: Group, text: str) -> dict[str, object]:
    return {
        "kind": group.kind,
        "title": TITLES[group.kind],
        "rows": [shown(row) for row in group.rows],
        "has_more": group.has_more,
        "list": reverse(f"admin:{LISTS[group.kind]}_changelist"),
        "q": text,
    }


def shown(row: Any) -> dict[str, object]:
    """How something found is called, what is said of it, and where it leads."""
    match row:
        case Server():
            facts = [row.owner.email if row.owner else now_("nobody’s"), str(row.vmid),
                     row.cluster.name, row.get_status_display()]  # fmt: skip
            addresses = [each.address for each in row.addresses.all()[:2]]
            return {
                "name": row.name,
                "about": " · ".join([*facts, *addresses]),
                "url": reverse("server-detail", args=[row.pk]),
                "admin": reverse("admin:servers_server_change", args=[row.pk]),
            }
        case Action():
            about = f"{row.server.name} · {row.get_status_display()}"
            return of_admin("servers_action", row.pk, row.upid, about)
        case Cluster():
            return of_admin("servers_cluster", row.pk, row.name, row.version)
        case Node():
            return of_admin("servers_node", row.pk, row.name, row.cluster.name)
        case _:
            about = " · ".join(filter(None, [row.get_full_name(), row.get_role_display()]))
            return of_admin("accounts_user", row.pk, row.email, about)


def of_admin(model: str, pk: int, name: str, about: str) -> dict[str, object]:
    return {"name": name, "about": about, "url": reverse(f"admin:{model}_change", args=[pk])}
