"""The stages: in each room a pure method, what it can be asked (config) and how it runs (stage)."""
