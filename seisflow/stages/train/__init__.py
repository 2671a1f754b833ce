"""Train: a network learns from WAVELETS, here or in many ranks, and is judged."""
