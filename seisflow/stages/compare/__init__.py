"""Comparison of a catalogue with another one, and with other detectors on the same records."""
