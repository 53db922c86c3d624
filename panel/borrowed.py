"""What other packages say to people, and have no Russian for: it stands in our catalogue instead.

tests/i18n/test_borrowed.py finds what is missing here.
"""

from django.utils.translation import gettext_noop as noop

WORDS = (
    # Django REST framework
    noop("Invalid input."),
    noop("Expected available in {wait} second."),
    noop("Expected available in {wait} seconds."),
    noop("Must be a valid boolean."),
    noop("Not a valid string."),
    noop('Enter a valid "slug" consisting of Unicode letters, numbers, underscores, or hyphens.'),
    noop("Must be a valid UUID."),
    noop("A valid biginteger is required."),
    noop("Integer value too large to convert to float"),
    noop('Invalid datetime for the timezone "{timezone}".'),
    noop("Datetime value out of range."),
    noop("Ensure this field has at least {min_length} elements."),
    noop("Ensure this field has no more than {max_length} elements."),
    noop("This dictionary may not be empty."),
    noop("Surrogate characters are not allowed: U+{code_point:X}."),
    # Simple JWT
    noop("Authorization header must contain two space-delimited values"),
    noop("Given token not valid for any token type"),
    noop("Token contained no recognizable user identification"),
    noop("User not found"),
    noop("User is inactive"),
    noop("The user's password has been changed."),
    noop("Token is invalid"),
    noop("Token is expired"),
    noop("Token is invalid or expired"),
    noop("No active account found with the given credentials"),
    noop("No active account found for the given token."),
    noop("Token is blacklisted"),
    noop("Cannot create token with no type or lifetime"),
    noop("Token has no id"),
    noop("Token has no type"),
    noop("Token has wrong type"),
    noop("Token has no '{}' claim"),
    noop("Token '{}' claim has expired"),
    # django-filter
    noop("is null"),
    noop("Select a lookup."),
)
