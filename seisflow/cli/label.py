"""``seisflow label``."""

from typing import Annotated, Any

import typer
from upath import UPath

from seisflow.archive.work import Progress
from seisflow.cli.detaching import detach
from seisflow.cli.options import (
    ClusterOption,
    DetachOption,
    DryRunOption,
    EndOption,
    JsonOption,
    SelectOption,
    StartOption,
    WorkersOption,
    a_path,
)
from seisflow.cli.running import open_session, run_work, show_plan, summarise
from seisflow.core.classes import Label
from seisflow.errors import ConfigError
from seisflow.label import stage
from seisflow.label.devices import check_device, resolve_device
from seisflow.label.method import DEFAULT_METHOD


def label(  # noqa: PLR0913 - every parameter is an option of the command
    waveforms: Annotated[
        UPath, typer.Argument(metavar="WAVEFORMS", help="What ingest wrote.", parser=a_path)
    ],
    labels: Annotated[
        UPath, typer.Argument(metavar="LABELS.zarr", help="The product to write.", parser=a_path)
    ],
    method: Annotated[
        str,
        typer.Option(
            help="'calibrated': rates under the hour's noise; 'reference': the published procedure."
        ),
    ] = DEFAULT_METHOD,
    alpha_rn: Annotated[
        float | None,
        typer.Option(
            "--alpha-rn",
            help="calibrated: share of pure noise not labelled random noise; by default 0.1.",
        ),
    ] = None,
    alpha_nrn: Annotated[
        float | None,
        typer.Option(
            "--alpha-nrn",
            help="calibrated: share of pure noise labelled not random noise; by default 0.001.",
        ),
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    select: SelectOption = None,
    precision: Annotated[
        str, typer.Option(help="Type of the cross-correlations: float32 or float64.")
    ] = "float32",
    clip_counts: Annotated[
        float | None,
        typer.Option(
            "--clip-counts",
            help="Counts from which a sample is clipped; by default the rails of 24 and 32 bits.",
        ),
    ] = None,
    block: Annotated[
        int | None,
        typer.Option(help="Stations of one task and shard; changes files, never labels.", min=1),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Where windows are correlated: cpu, cuda, or auto, a GPU where a worker has one; "
            "cuda and auto take the pool gpu of a SLURM profile, if it has that."
        ),
    ] = "cpu",
    cluster: ClusterOption = "local",
    workers: WorkersOption = None,
    detached: DetachOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Label every second of every station: random noise, not random noise, or mixed.

    Each UTC hour of a station is labelled as a whole: by how unlikely each second is under a model
    of the hour's own noise (calibrated), or by the correlation of all pairs of its seconds and
    their spectra (reference, Meng, Ben-Zion & Johnson 2019).

    Codes: 0 random_noise, 1 mixed, 2 not_random_noise, 252 undetermined, 253 no_data,
    254 failed, 255 not_run.

    Examples
    --------
    seisflow label waveforms.zarr labels.zarr

    seisflow label waveforms.zarr labels.zarr --alpha-nrn 0.0001

    seisflow label waveforms.zarr labels.zarr --method reference

    seisflow label waveforms.zarr labels.zarr --start 2014-05-29T10:00 --end 2014-05-29T12:00
    """
    options: dict[str, Any] = {
        "method": method,
        "start": start,
        "end": end,
        "select": tuple(select or ()),
        "precision": precision,
        "clip_counts": clip_counts,
        "parameters": levels(method, alpha_rn=alpha_rn, alpha_nrn=alpha_nrn),
    }
    config = stage.LabelConfig.build(options)
    waveforms, labels = waveforms.absolute(), labels.absolute()
    check_device(device)
    if cluster == "local":
        device = resolve_device(device)  # elsewhere only the workers know what they have
    prepared = stage.prepare(config, waveforms, block, device)
    stage.refuse_another(labels, prepared.product.identity)
    if dry_run:
        show_plan(prepared.plan, labels, as_json=as_json)
        return
    if detached:
        detach(labels, cluster, workers=workers, as_json=as_json)
        return
    with open_session(cluster, workers, may_use_gpu=device != "cpu") as session:
        work = stage.plan(config, labels, prepared)
        state = run_work(session, work, "label", lambda: stage.finish(work))
    extra = {
        "stations": len(prepared.selection.stations),
        "span": str(prepared.product.span),
        **class_shares(state),
    }
    summarise("label", labels, state, extra, as_json=as_json)


def levels(method: str, **given: float | None) -> dict[str, float]:
    """Return the levels that were given; refuse them where the method has none.

    Whether there is such a method is for `LabelConfig` to say.

    Raises
    ------
    ConfigError
        A level is given with ``reference``.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    if asked and method == "reference":
        options = " ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in asked.items())
        raise ConfigError(
            f"{options} asked with --method {method}, which has no such level: its classes are "
            "thresholds of a density; leave it out, or add --method calibrated"
        )
    return asked


def class_shares(state: Progress) -> dict[str, str]:
    """Return the seconds of each class; shares of the seconds that have one."""
    counts = {c: state.counts.get(c.name.lower(), 0) for c in Label}
    classes = (Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE)
    labelled = sum(counts[c] for c in classes) or 1
    return {
        c.name.lower(): f"{n} s" + (f", {n / labelled:.1%} of labelled" if c in classes else "")
        for c, n in counts.items()
        if n or c in classes
    }
