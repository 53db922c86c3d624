"""Where a person is told: the channels, a test of each, and what it answered."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import idempotency
from accounts.models import User
from alerts import destinations
from alerts.channels import CHANNELS
from alerts.channels.base import Channel, Secret
from alerts.destinations import TooOften
from alerts.models import Notification, NotificationChannel
from alerts.views.door import once, signed_in
from servers.operations import Invalid
from servers.views import controls
from servers.views.actions import actor_of, is_fetched, see_other

LIST = "alert-channels"
LONGEST_SECRET = 200
OVER = (Notification.Status.SENT, Notification.Status.GIVEN_UP)


class ChannelForm(forms.Form):
    """What a kind of channel wants to know; of one that is there already, what can be changed."""

    target = forms.CharField(
        max_length=500,
        widget=forms.TextInput(
            attrs={"class": "input", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    secret = forms.CharField(
        label=_("The bot’s token"),
        max_length=LONGEST_SECRET,
        widget=forms.PasswordInput(attrs={"class": "input", "autocomplete": "off"}),
    )
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=destinations.LONGEST_NAME,
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "off"}),
        help_text=_("As it is called here. Without one it is known by where it leads."),
    )

    def __init__(self, how: Channel, *args: Any, is_new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].label = str(how.target_label)
        if how.secret is not Secret.THEIRS:
            del self.fields["secret"]
        elif not is_new:
            self.fields["secret"].required = False
            self.fields["secret"].help_text = now_("Leave empty to keep the one that is stored.")

    def refuse(self, error: Invalid) -> None:
        self.add_error(error.field if error.field in self.fields else None, str(error))


@require_safe
@signed_in
def channel_list(request: HttpRequest, user: User) -> HttpResponse:
    return page(request, user)


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def channel_new(request: HttpRequest, user: User, kind: str) -> HttpResponse:
    if kind not in CHANNELS:
        raise Http404
    how = CHANNELS[kind]
    form = ChannelForm(how, request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return form_page(request, how, form)
    revealing: dict[str, Any] = {}

    def act() -> idempotency.Reply:
        channel, secret = destinations.add(
            user, kind, **wish_of(form), actor=actor_of(request), now=datetime.now(UTC)
        )
        revealing.update(channel=channel, secret=secret)
        return 201, {"channel": channel.pk}

    try:
        once(request, user, "channel", act)
    except Invalid as error:
        form.refuse(error)
        return form_page(request, how, form)
    except TooOften as error:
        form.add_error(None, str(error))
        return form_page(request, how, form, status=429)
    return added(request, how, **revealing)


def added(
    request: HttpRequest,
    how: Channel,
    channel: NotificationChannel | None = None,
    secret: str | None = None,
) -> HttpResponse:
    """What comes next; without a channel the form was sent twice."""
    if channel is not None and secret is not None:
        return revealed(request, channel, secret)
    if channel is None and how.secret is Secret.OURS:
        messages.info(request, now_("Added already. If you did not see its key, make a new one."))
    elif channel is None:
        messages.info(request, now_("Added already."))
    elif channel.confirmed_at is None:
        messages.success(request, now_("Added. A link was sent there: it has to be confirmed."))
    else:
        messages.success(request, now_("Added. Send a test to see whether it gets there."))
    return see_other(LIST)


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def channel_detail(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """What can be changed of it; POST with `do` does one thing to it."""
    channel = NotificationChannel.objects.visible_to(user).filter(pk=pk).first()
    if channel is None or channel.kind not in CHANNELS:
        raise Http404
    do = request.POST.get("do", "")
    if request.method == "POST" and do in DOING:
        try:
            return DOING[do](request, channel)
        except (Invalid, TooOften) as error:
            messages.error(request, str(error))
            return see_other(LIST)
    if channel.own_address:
        return see_other(LIST)
    return changed(request, channel) if request.method == "POST" else opened(request, channel)


@require_safe
@signed_in
def channel_test(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """How far a test is: the piece alone, for modules."""
    tests = Notification.objects.filter(recipient=user, kind=Notification.Kind.TEST, pk=pk)
    notification = tests.first()
    if notification is None:
        raise Http404
    if not is_fetched(request):
        return see_other(LIST)
    return render(request, "alerts/test.html", {"test": shown(notification)})


def page(request: HttpRequest, user: User) -> HttpResponse:
    destinations.own_mail(user, datetime.now(UTC))
    channels = list(NotificationChannel.objects.visible_to(user).select_related("owner"))
    context = {
        "tab": "channels",
        "channels": channels,
        "kinds": list(CHANNELS.values()),
        "most": destinations.MOST,
        "tested": tested(user, request.GET.get("test", "")),
    }
    return render(request, "alerts/channels.html", context)


def tested(user: User, number: str) -> dict[str, object] | None:
    """The test that was just sent off."""
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    tests = Notification.objects.filter(recipient=user, kind=Notification.Kind.TEST)
    notification = tests.filter(pk=int(number)).first()
    return shown(notification) if notification else None


def shown(notification: Notification) -> dict[str, object]:
    return {
        "notification": notification,
        "is_over": notification.status in OVER,
        "is_sent": notification.status == Notification.Status.SENT,
    }


def form_page(
    request: HttpRequest,
    how: Channel,
    form: ChannelForm,
    *,
    channel: NotificationChannel | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {"tab": "channels", "how": how, "form": form, "channel": channel,
               "has_key": how.secret is Secret.OURS, "key": controls.new_key()}  # fmt: skip
    if form.is_bound and status == 200:
        status = 400
    return render(request, "alerts/channel_form.html", context, status=status)


def wish_of(form: ChannelForm) -> dict[str, str]:
    return {"secret": "", **form.cleaned_data}


def revealed(request: HttpRequest, channel: NotificationChannel, secret: str) -> HttpResponse:
    context = {"tab": "channels", "channel": channel, "secret": secret}
    return render(request, "alerts/channel_key.html", context)


# Of one channel


def opened(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    how = CHANNELS[channel.kind]
    known = {"target": channel.target, "name": channel.name}
    return form_page(request, how, ChannelForm(how, initial=known, is_new=False), channel=channel)


def changed(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    how = CHANNELS[channel.kind]
    form = ChannelForm(how, request.POST, is_new=False)
    if not form.is_valid():
        return form_page(request, how, form, channel=channel)
    try:
        destinations.change(
            channel, **wish_of(form), actor=actor_of(request), now=datetime.now(UTC)
        )
    except Invalid as error:
        form.refuse(error)
        return form_page(request, how, form, channel=channel)
    except TooOften as error:
        form.add_error(None, str(error))
        return form_page(request, how, form, channel=channel, status=429)
    messages.success(request, now_("Saved."))
    return see_other(LIST)


def test(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    notification = destinations.test(channel, now=datetime.now(UTC))
    address = f"{reverse(LIST)}?test={notification.pk}#channel-{channel.pk}"
    return HttpResponseRedirect(address, status=303)


def enable(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    destinations.enable(channel, actor=actor_of(request), now=datetime.now(UTC))
    messages.success(request, now_("Alerts are sent there again."))
    return see_other(LIST)


def disable(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    destinations.disable(channel, actor=actor_of(request), now=datetime.now(UTC))
    messages.success(request, now_("No more alerts are sent there."))
    return see_other(LIST)


def remove(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    destinations.remove(channel, actor=actor_of(request), now=datetime.now(UTC))
    messages.success(request, now_("Removed."))
    return see_other(LIST)


def confirm(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    if channel.confirmed_at is None:
        destinations.ask_to_confirm(channel, now=datetime.now(UTC))
        messages.success(request, now_("The link was sent once more."))
    return see_other(LIST)


def rotate(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    secret = destinations.rotate_secret(channel, actor=actor_of(request), now=datetime.now(UTC))
    return revealed(request, channel, secret)


DOING: dict[str, Callable[[HttpRequest, NotificationChannel], HttpResponse]] = {
    "test": test,
    "enable": enable,
    "disable": disable,
    "remove": remove,
    "confirm": confirm,
    "rotate": rotate,
}
