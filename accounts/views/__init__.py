"""Pages about oneself: signing in and out, the account, passwords."""

from accounts.views.account import account, account_password, account_session_end, account_theme
from accounts.views.acting import BeginActing, EndActing
from accounts.views.passwords import PasswordSetView, password_forgotten, person_invite
from accounts.views.signing import SignInView, SignOutView, locked_out

__all__ = [
    "BeginActing",
    "EndActing",
    "PasswordSetView",
    "SignInView",
    "SignOutView",
    "account",
    "account_password",
    "account_session_end",
    "account_theme",
    "locked_out",
    "password_forgotten",
    "person_invite",
]
