"""``python -m seisflow`` is the same program as ``seisflow``."""

from seisflow.cli import main

if __name__ == "__main__":
    main()
