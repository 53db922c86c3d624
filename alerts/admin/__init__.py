"""Alerts on the staff site, a module for each kind of thing."""

from alerts.admin import alerts, channels, incidents, notifications, rules

__all__ = ["alerts", "channels", "incidents", "notifications", "rules"]
