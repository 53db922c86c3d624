"""Servers on the staff site, a module for each part. Nothing here calls Proxmox."""

from servers.admin import actions, clusters, people, servers

__all__ = ["actions", "clusters", "people", "servers"]
