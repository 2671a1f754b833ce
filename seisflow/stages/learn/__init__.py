"""From examples to a trained network, and the model as it lies on the disk."""
