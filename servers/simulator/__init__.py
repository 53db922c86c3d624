"""A Proxmox VE 9.1 of our own: same paths, same replies. For the demo and for tests only."""
