"""Rights by role, beside those that Django keeps in its tables."""

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser

from accounts import roles
from accounts.models import User


class RoleBackend(BaseBackend):
    """Signs nobody in: it says what those who are may do."""

    def get_user_permissions(
        self, user_obj: "User | AnonymousUser", obj: object = None
    ) -> set[str]:
        """Of an active member of the staff; another mark than the role's own grants nothing."""
        if not isinstance(user_obj, User) or not user_obj.is_active or not user_obj.is_staff:
            return set()
        return set(roles.granted(user_obj.role))

    def has_module_perms(self, user_obj: "User | AnonymousUser", app_label: str) -> bool:
        return any(
            name.startswith(f"{app_label}.") for name in self.get_user_permissions(user_obj)
        )
