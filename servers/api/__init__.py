"""The API over servers, a module for each resource."""
