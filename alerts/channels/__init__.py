"""The ways to tell people, a file each.

Another one is a file beside these with a class that fulfils `base.Channel`, and a line in
CHANNELS; pages, API and delivery know it by that. No migration: a kind is a word in a row.
"""

from alerts.channels.base import Channel
from alerts.channels.mail import Mail
from alerts.channels.telegram import Telegram
from alerts.channels.webhook import Webhook

ALL: tuple[Channel, ...] = (Mail(), Webhook(), Telegram())
CHANNELS: dict[str, Channel] = {channel.kind: channel for channel in ALL}
MAIL = Mail.kind
