"""The endpoints about alerts, a module for each kind of thing."""
