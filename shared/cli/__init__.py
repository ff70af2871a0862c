"""The command line: `python -m herald.shared.cli --help`."""
