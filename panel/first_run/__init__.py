"""The first run of an installation, in the browser: from nobody to a first customer."""
