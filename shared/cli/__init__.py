"""The command line; run ``herald --help``."""
