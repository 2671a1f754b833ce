"""``seisflow evaluate``."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from upath import UPath

from seisflow.archive.store import storage_errors
from seisflow.cli.options import JsonOption, a_path
from seisflow.console import ERRORS, print_json, progress, table
from seisflow.core.classes import Split
from seisflow.core.files import AnyPath
from seisflow.engine.devices import resolve_device
from seisflow.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seisflow.stages.evaluate.evaluation import Evaluation
    from seisflow.stages.evaluate.truth import PlantedTruth
    from seisflow.stages.learn.artifact import Model
    from seisflow.stages.learn.examples import Examples

SPLITS = {split.name.lower(): split for split in Split}


def evaluate(  # noqa: PLR0913 - every parameter is an option of the command
    model: Annotated[
        UPath, typer.Argument(metavar="MODEL", help="What train wrote.", parser=a_path)
    ],
    wavelets: Annotated[
        UPath, typer.Argument(metavar="WAVELETS.zarr", help="What assemble wrote.", parser=a_path)
    ],
    split: Annotated[str, typer.Option(help="Which wavelets: test, validation or train.")] = "test",
    truth: Annotated[
        UPath | None,
        typer.Option(
            help="TRUTH.zarr of the synth scene: count a second time against what was planted.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    source_ratio: Annotated[
        float,
        typer.Option(
            "--source-ratio",
            help="With --truth: rms of what is planted over rms of the noise from which a second "
            "is not random noise.",
            min=0,
        ),
    ] = 0.5,
    false_positive_rate: Annotated[
        float,
        typer.Option(
            "--false-positive-rate",
            help="False positives a station and second that the threshold shall keep to.",
        ),
    ] = 0.0015,
    output: Annotated[
        UPath | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder to write; by default MODEL/evaluation/SPLIT-KEY, KEY that of the "
            "wavelets. What is counted against the truth goes beside it, with -truth.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="Where the network runs: cpu, cuda or auto.")] = "cpu",
    batch: Annotated[int, typer.Option(help="Wavelets classified at once.", min=1)] = 256,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a model: what it tells apart, how sure it may be, and what its errors look like.

    Precision, recall and F1 of each class beside the published ones, the confusion matrix,
    calibration, the ROC of earthquakes with the threshold for a stated rate of false positives,
    and recall by signal-to-noise ratio, distance and station. Writes evaluation.json, table.md
    and figures.

    Examples
    --------
    seisflow evaluate model wavelets.zarr

    seisflow evaluate model wavelets.zarr --split validation --false-positive-rate 0.001

    seisflow evaluate model wavelets.zarr --truth scene/truth.zarr
    """
    chosen = split_named(split)
    device = resolve_device(device)
    planted = None if truth is None else planted_truth(truth, source_ratio)
    # only here: torch takes seconds to import, and no other command should wait for it
    from seisflow.stages.evaluate.evaluation import evaluate_probabilities
    from seisflow.stages.learn.artifact import load_model
    from seisflow.stages.learn.examples import open_examples

    examples = open_examples(wavelets)
    loaded = load_model(model, rate_hz=examples.rate_hz)
    history = read_history(model)
    found, indices = classify(
        loaded, examples, chosen, planted, rate=false_positive_rate, device=device, batch=batch
    )
    folder = output or model / "evaluation" / f"{split}-{examples.key[:8]}"
    written = []
    for against in dict.fromkeys((None, planted)):
        evaluation = evaluate_probabilities(
            found,
            loaded,
            examples,
            indices,
            truth=against,
            false_positive_rate=false_positive_rate,
        )
        place = folder if against is None else folder.with_name(f"{folder.name}-truth")
        show(evaluation)
        written.append(write(evaluation, loaded, examples, place, history))
    if as_json:
        print_json({"product": str(model), "exit_code": 0, "evaluations": written})


def split_named(name: str) -> Split:
    """Return the split of this name.

    Raises
    ------
    ConfigError
        There is none.
    """
    if name not in SPLITS:
        raise ConfigError(f"no split {name!r}; give --split {', '.join(SPLITS)}")
    return SPLITS[name]


def planted_truth(path: AnyPath, source_ratio: float) -> "PlantedTruth":
    """Return how the planted truth is to be read."""
    from seisflow.stages.evaluate.truth import PlantedTruth

    return PlantedTruth(path, source_ratio=source_ratio)


def classify(
    model: "Model",
    examples: "Examples",
    split: Split,
    planted: "PlantedTruth | None",
    *,
    rate: float,
    device: str,
    batch: int,
) -> tuple[Any, Any]:
    """Refuse what cannot be evaluated, then classify the wavelets of a split.

    Returns
    -------
    probabilities : ndarray of float32, shape (n, 3)
        Of each wavelet.
    indices : ndarray of int64, shape (n,)
        The wavelets.

    Raises
    ------
    ConfigError
        There are no such wavelets, the model or the truth does not fit them, or the rate is none.
    """
    from seisflow.stages.evaluate.evaluation import PIECE, predict, refuse_rate
    from seisflow.stages.evaluate.truth import planted_classes

    refuse_rate(rate)
    indices = examples.select(split)
    if planted is not None and indices.size:
        planted_classes(planted, examples, indices)
    with progress("evaluate", -(-indices.size // PIECE)) as bar:
        found = predict(
            model,
            examples,
            indices,
            device=device,
            batch=batch,
            on_advance=lambda _: bar.advance(),
        )
    return found, indices


def show(evaluation: "Evaluation") -> None:
    """Print the tables of an evaluation."""
    from seisflow.stages.evaluate.tables import class_head, class_rows, heading, summary_rows

    table(heading(evaluation), class_rows(evaluation), class_head(evaluation))
    table("", dict(summary_rows(evaluation)))


def write(
    evaluation: "Evaluation",
    model: "Model",
    examples: "Examples",
    folder: AnyPath,
    history: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Write all there is of an evaluation into a folder; return it as JSON content.

    Parameters
    ----------
    evaluation, model, examples
        What was evaluated.
    folder : Path
        Where to; made where it does not exist.
    history : sequence of dict
        Of the training of the model; may be empty.
    """
    from seisflow.stages.evaluate.tables import evaluation_table
    from seisflow.stages.report.figures.learning import draw_evaluation, draw_network, draw_training

    content = evaluation.to_json()
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table.md").write_text(evaluation_table(evaluation), encoding="utf-8")
        (folder / "evaluation.json").write_text(json.dumps(content, indent=1, allow_nan=False))
    figures = draw_evaluation(evaluation, model, examples, folder)
    if evaluation.truth == "labels":
        figures += draw_training(history, folder)
        figures += draw_network(model, examples, folder)
    ERRORS.print(f"look at {folder}")
    return {"folder": str(folder), "figures": [str(path) for path in figures], **content}


def read_history(model: AnyPath) -> Sequence[dict[str, Any]]:
    """Return the history of a training; empty where none was kept.

    Raises
    ------
    DataError
        The file is no such history.
    """
    path = model / "history.json"
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}); copy the model again") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path} is no history of a training; copy the model again")
    return rows
