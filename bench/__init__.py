"""Measuring the panel: `make bench`, explained in bench/README.md."""
