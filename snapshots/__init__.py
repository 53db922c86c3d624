"""Snapshots, their schedules and their retention."""
