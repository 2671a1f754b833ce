"""From a foreign archive to WAVEFORMS: every sample bit-exact, on one grid, with its coverage."""
