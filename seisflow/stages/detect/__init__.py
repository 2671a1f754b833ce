"""Detection: coincidences over the array become aligned stacks and a catalogue."""
