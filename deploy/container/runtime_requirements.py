"""Print what pyproject.toml says seisflow needs to run, with all extras, one requirement a line.

Usage: python runtime_requirements.py pyproject.toml
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text())["project"]
extras = project["optional-dependencies"]
optional = [needed for name in extras if name not in ("all", "dev") for needed in extras[name]]
sys.stdout.write("\n".join([*project["dependencies"], *optional, ""]))
