"""What every stage can be asked beside its own options: where it runs, and how it is shown.

Said once: commands, Python functions and campaign files take their texts from here.
"""

from seisflow.core.options import Option

__all__ = ["ENGINE", "OF_COMMANDS", "OF_FUNCTIONS"]

_DECLARED = (
    Option(
        name="cluster",
        kind=str,
        default="local",
        help="Where tasks run: 'local' (worker processes on this machine, one thread each), "
        "'slurm', the address of a Dask scheduler such as tcp://host:8786, a TOML file, or the "
        "name of a profile in ~/.config/seisflow/clusters. In Python also a "
        "dask.distributed.Client, which stays open.",
    ),
    Option(
        name="workers",
        kind=int,
        default=None,
        help="Worker processes of a local cluster; all cores by default. Other clusters say "
        "themselves how many they have, and refuse it.",
        bounds="1 or more",
    ),
    Option(
        name="progress",
        kind=bool,
        default=True,
        help="Show progress and notes, on standard error or below the cell of a notebook.",
    ),
    Option(
        name="detach",
        kind=bool,
        default=False,
        help="With a SLURM profile: run the command in a job of its own and return at once; see "
        "'seisflow jobs'.",
    ),
    Option(
        name="dry_run",
        kind=bool,
        default=False,
        help="Show tasks, bytes, files and memory per task; write nothing.",
    ),
    Option(
        name="json",
        kind=bool,
        default=False,
        help="Print the summary as JSON on standard output; the rest goes to standard error.",
    ),
)
ENGINE = {option.name: option for option in _DECLARED}
"""All of them, by name."""
OF_COMMANDS = {
    "tasks": ("cluster", "workers", "detach", "dry_run", "json"),
    "ranks": ("detach", "dry_run", "json"),
    "here": ("json",),
}
"""What the command of a stage takes, by how the stage runs (`seisflow.registry.StageEntry`)."""
OF_FUNCTIONS = {
    "tasks": ("cluster", "workers", "progress"),
    "ranks": ("progress",),
    "here": ("progress",),
}
"""What the Python function of a stage takes."""
