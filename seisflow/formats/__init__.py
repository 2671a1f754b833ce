"""Foreign files: what they hold and how to read it. The only room that imports obspy or pymseed."""
