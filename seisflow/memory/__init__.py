"""What the stages do, on records in memory: ObsPy Streams and Traces, arrays, opened products."""
