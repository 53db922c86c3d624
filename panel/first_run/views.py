"""The pages of the first run. Each says what it is for, what is done, and what comes next."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, password_validation
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import roles
from accounts.address import client_address
from accounts.audit import Actor
from accounts.models import Source, User
from alerts import destinations
from alerts.models import Notification
from panel.first_run import cluster as clusters
from panel.first_run import key, people
from panel.first_run.steps import next_of, steps
from servers import troubles
from servers.models import Cluster, Server, ServerQuerySet
from servers.operations import Invalid
from servers.registration import NotRegistered

P = ParamSpec("P")
AdminsView = Callable[Concatenate[HttpRequest, User, P], HttpResponse]
BACKEND = "django.contrib.auth.backends.ModelBackend"
MOST_OFFERED = 500
LONGEST_NUMBER = 18
WORDS = {"class": "input"}


def of_administrators(view: AdminsView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Others are told no more than that there is no such page."""

    @never_cache
    @login_required
    @wraps(view)
    def opened(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or user.role != roles.ADMIN:
            raise Http404
        return view(request, user, *args, **kwargs)

    return opened  # type: ignore[return-value]  # login_required forgets how it is called


class AdministratorForm(forms.Form):
    email = forms.EmailField(
        label=_("Mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={**WORDS, "autocomplete": "email"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=4096,
        strip=False,
        help_text=_("At least ten characters, and none that everybody would guess."),
        widget=forms.PasswordInput(attrs={**WORDS, "autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "password" in cleaned:
            person = User(email=cleaned.get("email", ""))
            try:
                password_validation.validate_password(cleaned["password"], person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


class ServersField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def clean(self, value: Any) -> Any:
        """Longer than any number that a database has is no choice, instead of an overflow."""
        if any(len(each) > LONGEST_NUMBER for each in value or ()):
            raise forms.ValidationError(self.error_messages["invalid_list"], code="invalid_list")
        return super().clean(value)


class CustomerForm(forms.Form):
    email = forms.EmailField(
        label=_("Mail address"), max_length=254, widget=forms.EmailInput(attrs=WORDS)
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=User._meta.get_field("language").choices or [],
        widget=forms.Select(attrs=WORDS),
    )
    servers = ServersField(
        Server.objects.none(),
        label=_("Servers"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["servers"]
        field.queryset = free_servers()

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email=email).exists():
            raise forms.ValidationError(_("There is somebody of this address already."))
        return email


def free_servers() -> ServerQuerySet:
    return Server.objects.filter(owner=None, present=True).order_by("name", "pk")


@require_safe
@never_cache
def setup(request: HttpRequest) -> HttpResponse:
    """Where to go on; of an installation without anybody, how to begin."""
    if key.is_wanted():
        return render(request, "setup/nobody.html")
    return overview(request)


@of_administrators
def overview(request: HttpRequest, user: User) -> HttpResponse:
    found = steps()
    return render(request, "setup/overview.html", {"steps": found, "next": next_of(found)})


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def setup_begin(request: HttpRequest, key_text: str) -> HttpResponse:
    """The first administrator, by the link that the machine's console printed."""
    try:
        key.check(key_text)
    except key.NotGood:
        return render(request, "setup/link_gone.html", status=410)
    form = AdministratorForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, "setup/begin.html", {"form": form}, status=status)
    wish = form.cleaned_data
    user = people.first_administrator(
        wish["email"],
        wish["password"],
        language=get_language() or settings.LANGUAGE_CODE,
        address=client_address(request),
        now=datetime.now(UTC),
    )
    if user is None:
        form.add_error("email", now_("There is somebody of this address already."))
        return render(request, "setup/begin.html", {"form": form}, status=400)
    login(request, user, backend=BACKEND)
    return HttpResponseRedirect(reverse("setup-cluster"), status=303)


@sensitive_post_parameters("secret", "sealed")
@require_http_methods(["GET", "HEAD", "POST"])
@of_administrators
def setup_cluster(request: HttpRequest, user: User) -> HttpResponse:
    if request.method != "POST":
        return cluster_page(request, clusters.ClusterForm())
    form = clusters.ClusterForm(request.POST)
    if not form.is_valid():
        return cluster_page(request, form, sealed=clusters.keep_secret(form), status=400)
    try:
        wanted = clusters.read(form)
        examination = clusters.examine(wanted)
        actor = Actor.of(request, Source.WEB)
        now = datetime.now(UTC)
        cluster = clusters.register(wanted, examination, actor=actor, now=now)
    except clusters.Unknown as unknown:
        return cluster_page(request, form, sealed=clusters.keep_secret(form), shown=unknown.shown)
    except NotRegistered as error:
        form.add_error(None, troubles.shown(str(error)))
        return cluster_page(request, form, sealed=clusters.keep_secret(form), status=400)
    if cluster is None:
        sealed = clusters.keep_secret(form)
        return cluster_page(request, form, sealed=sealed, examination=examination, status=400)
    context = {"steps": steps(), "step": "cluster", "cluster": cluster, "found": examination}
    return render(request, "setup/cluster_done.html", context)


def cluster_page(
    request: HttpRequest,
    form: clusters.ClusterForm,
    *,
    sealed: str = "",
    shown: list[clusters.Shown] | None = None,
    examination: object = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "steps": steps(),
        "step": "cluster",
        "form": form,
        "sealed": sealed,
        "shown": shown,
        "fingerprints": " ".join(each.fingerprint for each in shown or ()),
        "found": examination,
        "clusters": Cluster.objects.order_by("name"),
    }
    return render(request, "setup/cluster.html", context, status=status)


@require_safe
@of_administrators
def setup_servers(request: HttpRequest, user: User) -> HttpResponse:
    present = Count("servers", filter=Q(servers__present=True))
    context = {
        "steps": steps(),
        "step": "servers",
        "clusters": Cluster.objects.annotate(found=present).order_by("name"),
        "servers": Server.objects.filter(present=True)
        .select_related("owner", "node")
        .order_by("name", "pk")[:MOST_OFFERED],
        "count": Server.objects.filter(present=True).count(),
    }
    return render(request, "setup/servers.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@of_administrators
def setup_mail(request: HttpRequest, user: User) -> HttpResponse:
    now = datetime.now(UTC)
    if request.method == "POST":
        try:
            destinations.test(destinations.own_mail(user, now), now=now)
        except (Invalid, destinations.TooOften) as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("setup-mail"), status=303)
    sent = Notification.objects.filter(recipient=user, kind=Notification.Kind.TEST)
    last = sent.filter(channel_kind="mail").order_by("-pk").first()
    context = {
        "steps": steps(),
        "step": "mail",
        "test": last,
        "is_under_way": last is not None and last.next_attempt_at is not None,
        "how": how_mail_goes(),
        "host": settings.EMAIL_HOST,
        "port": settings.EMAIL_PORT,
        "sender": settings.DEFAULT_FROM_EMAIL,
    }
    return render(request, "setup/mail.html", context)


def how_mail_goes() -> str:
    """smtp, files, log or other: what the page has words for."""
    kind = settings.EMAIL_BACKEND.rsplit(".", 2)[-2]
    return {"smtp": "smtp", "filebased": "files", "console": "log"}.get(kind, "other")


@require_http_methods(["GET", "HEAD", "POST"])
@of_administrators
def setup_customer(request: HttpRequest, user: User) -> HttpResponse:
    form = CustomerForm(
        request.POST if request.method == "POST" else None, initial={"language": user.language}
    )
    if request.method == "POST" and form.is_valid():
        wish = form.cleaned_data
        customer = people.add_customer(
            wish["email"],
            wish["servers"],
            language=wish["language"],
            actor=Actor.of(request, Source.WEB),
            now=datetime.now(UTC),
        )
        if customer is not None:
            words = now_("%(email)s is your customer now, and has a mail with a link to get in.")
            messages.success(request, words % {"email": customer.email})
            return HttpResponseRedirect(reverse("setup"), status=303)
        form.add_error("email", now_("There is somebody of this address already."))
    status = 400 if request.method == "POST" else 200
    context = {
        "steps": steps(),
        "step": "customer",
        "form": form,
        "servers": free_servers()[:MOST_OFFERED],
        "chosen": request.POST.getlist("servers"),
    }
    return render(request, "setup/customer.html", context, status=status)
