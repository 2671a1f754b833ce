"""Inference: the probability of each class for every second of every station."""
