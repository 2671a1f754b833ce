"""Synthetic dense arrays with known truth: the scene, the waveforms and the truth tables."""
