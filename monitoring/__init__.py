"""Samples: the cycle that takes them, history for charts, retention."""
