"""Clusters, nodes and servers; who may touch which server; live updates."""
