"""Puts the panel's own staff site in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    default_site = "panel.staff_site.StaffSite"
