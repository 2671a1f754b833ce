"""Print what pyproject.toml says seisflow needs to run, one requirement a line.

Usage: python runtime_requirements.py pyproject.toml
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
sys.stdout.write("\n".join([*project["dependencies"], ""]))
