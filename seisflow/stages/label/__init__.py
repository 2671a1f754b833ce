"""From WAVEFORMS to LABELS: every second random noise, not random noise, or mixed."""
