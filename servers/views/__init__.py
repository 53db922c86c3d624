"""The pages about servers, a module for each."""
