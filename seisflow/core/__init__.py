"""Values and rules every other room relies on: time, stations, classes, configuration."""
