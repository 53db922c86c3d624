from django.apps import AppConfig
from django.core.checks import Tags, register


class PanelConfig(AppConfig):
    name = "panel"

    def ready(self) -> None:
        from panel import checks

        register(Tags.security, deploy=True)(checks.https_needs_a_proxy)
