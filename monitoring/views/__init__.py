"""The pages of what was measured."""
