"""``python -m seisflow.reference``: write both again, in the folder of the repository."""

import sys
from pathlib import Path

from seisflow.reference.page import page
from seisflow.reference.stubs import stubs

WRITTEN = {"docs/reference.md": page, "seisflow/__init__.pyi": stubs}
"""What each file holds."""


def main(root: Path = Path()) -> int:
    """Write the files; return 2 where this is not the repository."""
    if not (root / "pyproject.toml").exists() or not (root / "seisflow").is_dir():
        sys.stderr.write(
            "error: type this in the folder of the repository, beside pyproject.toml\n"
        )
        return 2
    for name, text in WRITTEN.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
