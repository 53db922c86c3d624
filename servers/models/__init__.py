"""The tables of servers, a module for each kind of thing."""

from servers.models.action import Action
from servers.models.cluster import Cluster, ClusterEndpoint, ClusterToken, Node
from servers.models.console import ConsoleSession
from servers.models.server import Label, LastSample, Server, ServerQuerySet

__all__ = [
    "Action",
    "Cluster",
    "ClusterEndpoint",
    "ClusterToken",
    "ConsoleSession",
    "Label",
    "LastSample",
    "Node",
    "Server",
    "ServerQuerySet",
]
