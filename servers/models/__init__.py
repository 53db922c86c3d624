"""The tables of servers, a module for each kind of thing."""

from servers.models.action import Action
from servers.models.cluster import Cluster, ClusterEndpoint, ClusterToken, Node
from servers.models.console import ConsoleSession
from servers.models.console_request import ConsoleRequest
from servers.models.list_view import ListView
from servers.models.server import Address, Label, LastSample, Server, ServerQuerySet

__all__ = [
    "Action",
    "Address",
    "Cluster",
    "ClusterEndpoint",
    "ClusterToken",
    "ConsoleRequest",
    "ConsoleSession",
    "Label",
    "LastSample",
    "ListView",
    "Node",
    "Server",
    "ServerQuerySet",
]
