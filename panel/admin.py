"""The staff site shows what staff work with: not the tables of the libraries below."""

from django.contrib import admin
from django.contrib.auth.models import Group
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

for model in (Group, BlacklistedToken, OutstandingToken):
    admin.site.unregister(model)
