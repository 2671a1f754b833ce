"""Transfer: how a network does on sources that it never saw."""
