"""Composition of the panel: settings, Celery, ASGI, routes, the API's root, health."""

from panel.celery import app as celery_app

__all__ = ["celery_app"]
