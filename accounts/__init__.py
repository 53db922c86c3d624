"""People, their roles and sessions, tokens, and the audit log."""
