"""What a command costs before it does anything: CPU seconds of a process of its own.

    python -m benchmarks.startup [--beside FOLDER] [--rounds 5]

Beside it, in turns, another checkout of seisflow (`--beside`, for example of an earlier commit),
with the same interpreter and the same libraries. User and system time together, the least of some
rounds: what lies above it was the machine.
"""

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[1]
ASKED = {
    "import seisflow": ["-c", "import seisflow"],
    "seisflow --help": ["-m", "seisflow", "--help"],
    "seisflow label --help": ["-m", "seisflow", "label", "--help"],
    "seisflow infer --help": ["-m", "seisflow", "infer", "--help"],
}


def cpu_s(arguments: list[str], checkout: Path) -> float:
    """Return the CPU seconds of one process with the seisflow of a checkout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,  # which -c and -m look in first
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Measure in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--beside", type=Path, help="Another checkout.")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    checkouts = [HERE, *([asked.beside.absolute()] if asked.beside else [])]
    print("| " + " | ".join(["CPU s", "here", *(["beside"] if asked.beside else [])]) + " |")
    print("|---" * (1 + len(checkouts)) + "|")
    for name, arguments in ASKED.items():
        rounds = [[cpu_s(arguments, one) for one in checkouts] for _ in range(asked.rounds)]
        least = [min(times) for times in zip(*rounds, strict=True)]
        print(f"| {name} | " + " | ".join(f"{seconds:.2f}" for seconds in least) + " |")


if __name__ == "__main__":
    main()
