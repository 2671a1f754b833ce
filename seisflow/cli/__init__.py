"""The command line: one thin function for every command; the only place that prints."""

from seisflow.cli.app import main

__all__ = ["main"]
