"""From labels and arrivals to balanced, split examples of 4 s."""
