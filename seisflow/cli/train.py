"""``seisflow train``."""

from typing import Annotated, Any

import typer
from upath import UPath

from seisflow.cli.detaching import detach, slurm_profile
from seisflow.cli.options import DetachOption, JsonOption, a_path
from seisflow.cli.ranks import place_ranks
from seisflow.cli.training import Run, check, start
from seisflow.engine.devices import check_device
from seisflow.engine.profiles import read_profile
from seisflow.stages.learn.config import TrainConfig

AUGMENTATION, RUNNING = "Augmentation", "Running (changes no result but rounding)"


def train(  # noqa: PLR0913 - every parameter is an option of the command
    wavelets: Annotated[
        UPath, typer.Argument(metavar="WAVELETS.zarr", help="What assemble wrote.", parser=a_path)
    ],
    model: Annotated[
        UPath, typer.Argument(metavar="MODEL", help="The folder to write.", parser=a_path)
    ],
    network: Annotated[
        str,
        typer.Option(
            help="published: as in the lecture slides, 82 million weights; compact: 0.1 million; "
            "recurrent: frames in their order; forest: the baseline without a network."
        ),
    ] = "compact",
    epochs: Annotated[int, typer.Option(help="Times every example is seen, at most.")] = 30,
    batch_size: Annotated[
        int, typer.Option("--batch-size", help="Examples of a step, of all ranks together.")
    ] = 128,
    optimiser: Annotated[str, typer.Option(help="sgd, rmsprop, adagrad, adam or adamw.")] = "adamw",
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--learning-rate",
            help="Largest of the schedule; by default 0.01 for sgd and adagrad, else 0.001.",
        ),
    ] = None,
    schedule: Annotated[
        str,
        typer.Option(
            help="constant; step: a tenth after each third; cosine: down to 0; onecycle: up, then "
            "down to 0; plateau: halved after 3 epochs without a better validation."
        ),
    ] = "cosine",
    weight_decay: Annotated[
        float | None,
        typer.Option("--weight-decay", help="By default 0.01 for adamw, 1e-4 for sgd, else 0."),
    ] = None,
    momentum: Annotated[float, typer.Option(help="Of sgd alone.")] = 0.9,
    dropout: Annotated[float, typer.Option(help="Share of values dropped.")] = 0.2,
    class_weights: Annotated[
        str,
        typer.Option("--class-weights", help="none, or balanced: a rare class counts for more."),
    ] = "none",
    label_smoothing: Annotated[
        float, typer.Option("--label-smoothing", help="Share of a label given to all classes.")
    ] = 0.0,
    clip_norm: Annotated[
        float, typer.Option("--clip-norm", help="Largest norm of the gradient; 0: any.")
    ] = 5.0,
    patience: Annotated[
        int,
        typer.Option(help="Stop after this many epochs without a better validation; 0: never."),
    ] = 8,
    monitor: Annotated[
        str, typer.Option(help="What better means, on the validation split: macro_f1 or loss.")
    ] = "macro_f1",
    precision: Annotated[
        str, typer.Option(help="float32, or bfloat16 where the processor is made for it.")
    ] = "float32",
    low_hz: Annotated[
        float, typer.Option("--low-hz", help="Lower corner of the front end; 0 leaves it open.")
    ] = 2.0,
    high_hz: Annotated[
        float | None, typer.Option("--high-hz", help="Upper corner of the front end.")
    ] = None,
    frame_s: Annotated[
        float, typer.Option("--frame-s", help="Length of a frame of the spectrogram, s.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Of weights, order, augmentation, dropout.")] = 0,
    forest_examples: Annotated[
        int, typer.Option("--forest-examples", help="Examples the forest is fitted to, at most.")
    ] = 20_000,
    forest_trees: Annotated[int, typer.Option("--forest-trees", help="Its trees.")] = 200,
    augment: Annotated[
        bool,
        typer.Option(
            "--augment/--no-augment",
            help="Change examples a little each time they are seen; never those of validation.",
            rich_help_panel=AUGMENTATION,
        ),
    ] = True,
    flip: Annotated[
        float, typer.Option(help="Share whose polarity is turned.", rich_help_panel=AUGMENTATION)
    ] = 0.5,
    shift_s: Annotated[
        float,
        typer.Option("--shift-s", help="Largest shift of noise, s.", rich_help_panel=AUGMENTATION),
    ] = 0.25,
    event_shift_s: Annotated[
        float,
        typer.Option(
            "--event-shift-s", help="Largest of earthquakes, s.", rich_help_panel=AUGMENTATION
        ),
    ] = 0.1,
    noise: Annotated[
        float,
        typer.Option(
            help="Share that random noise of the same station is added to.",
            rich_help_panel=AUGMENTATION,
        ),
    ] = 0.5,
    noise_snr: Annotated[
        tuple[float, float],
        typer.Option(
            "--noise-snr",
            help="Amplitude of the example over that of the noise added: from, to.",
            rich_help_panel=AUGMENTATION,
        ),
    ] = (2.0, 20.0),
    gain: Annotated[
        float,
        typer.Option(
            help="Largest factor before noise is added; matters beside the noise alone.",
            rich_help_panel=AUGMENTATION,
        ),
    ] = 1.5,
    device: Annotated[
        str, typer.Option(help="cpu, cuda or auto.", rich_help_panel=RUNNING)
    ] = "auto",
    ranks: Annotated[
        int,
        typer.Option(
            help="Processes of a machine that train together, each on a GPU or its share of the "
            "cores; in a SLURM job with GPUs by default one for each of them.",
            min=1,
            rich_help_panel=RUNNING,
        ),
    ] = 1,
    nodes: Annotated[
        int,
        typer.Option(help="Nodes of the SLURM job.", min=1, rich_help_panel=RUNNING),
    ] = 1,
    cluster: Annotated[
        str,
        typer.Option(
            help="'local': this machine; a SLURM profile, with --detach: one job of its pool gpu, "
            "or of cpu where there is none.",
            rich_help_panel=RUNNING,
        ),
    ] = "local",
    detached: DetachOption = False,
    checkpoint_every_s: Annotated[
        float,
        typer.Option(
            "--checkpoint-every-s",
            help="Seconds between checkpoints; there is one after every epoch too.",
            min=0,
            rich_help_panel=RUNNING,
        ),
    ] = 600.0,
    shards_together: Annotated[
        int,
        typer.Option(
            "--shards-together",
            help="Files of 2048 examples held in memory and shuffled together; changes the order, "
            "and so the weights.",
            rich_help_panel=RUNNING,
        ),
    ] = 8,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show examples, steps, weights and memory; write nothing.",
            rich_help_panel=RUNNING,
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train a network on assembled wavelets: earthquake, random noise, not random noise.

    Examples are read from the disk in shuffled blocks, so that a set may be larger than memory.
    The weights that did best on the validation split are kept. A training that was stopped, by
    Ctrl-C, a signal or a crash, goes on from its last checkpoint when the command is typed again,
    and on a CPU ends with the very weights it would have had.

    MODEL holds weights.safetensors and model.json (all that classifying needs), history.json,
    metrics.json and figures of the validation split, and TensorBoard's files. The test split is
    for `seisflow evaluate`, once.

    Where torchrun started the process it joins the other ranks: `torchrun --nproc-per-node 8 -m
    seisflow train ...` is what --ranks 8 does here, and works across machines.

    Examples
    --------
    seisflow train wavelets.zarr model

    seisflow train wavelets.zarr model --network published --ranks 4 --precision bfloat16

    seisflow train wavelets.zarr model --cluster alice --nodes 4 --detach

    seisflow train wavelets.zarr forest --network forest

    tensorboard --logdir model/tensorboard
    """
    amounts = {
        "flip": flip,
        "shift_s": shift_s,
        "event_shift_s": event_shift_s,
        "noise": noise,
        "noise_snr": noise_snr,
        "gain": gain,
    }
    options: dict[str, Any] = {
        "network": network,
        "low_hz": low_hz or None,
        "high_hz": high_hz,
        "frame_s": frame_s,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimiser": optimiser,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "weight_decay": weight_decay,
        "momentum": momentum,
        "dropout": dropout,
        "class_weights": class_weights,
        "label_smoothing": label_smoothing,
        "clip_norm": clip_norm,
        "patience": patience,
        "monitor": monitor,
        "precision": precision,
        "augment": amounts if augment else None,
        "shards_together": shards_together,
        "seed": seed,
        "forest_examples": forest_examples,
        "forest_trees": forest_trees,
    }
    config = TrainConfig.build(options)
    check_device(device)
    run = Run(wavelets.absolute(), model.absolute(), device, checkpoint_every_s)
    profile = slurm_profile(cluster) if detached else read_profile(cluster)
    place = place_ranks(profile, ranks, nodes, device)
    if detached and not dry_run:
        check(config, run, place)
        detach(run.model, cluster, place.pool, n_nodes=nodes, as_json=as_json)
    else:
        start(config, run, place, dry_run=dry_run, as_json=as_json)
