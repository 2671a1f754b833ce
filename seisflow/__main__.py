"""``python -m seisflow`` is the same program as ``seisflow``."""

from seisflow.cli import main

if __name__ == "__main__":
    __spec__ = None  # worker processes run this file too, as that of `seisflow`: see seisflow.cli
    main()
