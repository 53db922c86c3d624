"""The pages about a server's snapshots, a module for each."""
