"""What was planned beside what a run then made."""

from pathlib import Path

from seisflow.archive.work import progress_of

WRITTEN = 1.5
"""What a product may be larger than planned: columns and metadata of a very small one."""


def refuse_less(stage: dict, product: Path) -> None:
    """Fail unless a product has the tasks that were planned, and no more files and bytes."""
    state = progress_of(product)
    assert len(state.done) == stage["tasks"] or stage["stage"] == "assemble"
    assert len(state.done) <= stage["tasks"]
    refuse_more_files(stage, product, 0.6)
    assert state.written_bytes <= WRITTEN * stage["write_bytes"]
    if stage["stage"] in ("ingest", "label", "infer"):  # the others depend on what is found
        assert state.written_bytes >= stage["write_bytes"] / 8
    assert 0 < state.peak_memory_bytes <= stage["memory_bytes"], (stage, state.peak_memory_bytes)


def refuse_more_files(stage: dict, product: Path, least: float) -> None:
    """Fail unless a folder has at most the files that were planned, and at least a share."""
    n_files = sum(p.is_file() for p in product.rglob("*"))
    assert least * stage["files"] <= n_files <= stage["files"]
