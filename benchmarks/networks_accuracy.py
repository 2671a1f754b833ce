"""Networks beside each other and beside the published figures, on sets made from various labels.

    python -m benchmarks.networks_accuracy --wavelets reference.zarr calibrated.zarr
        --models models/*/ [--truth scene/truth.zarr] [--splits validation test]
        [--false-positive-rate 0.0015] [--device cpu] [--batch 256]

A model is evaluated on the set it was trained on, by the key it keeps, and on every set where it
was trained on none of them. One line a model and split; with --truth a second one, against what
was planted. Published: C. W. Johnson's slides of 2019.
"""

import argparse
from functools import partial
from pathlib import Path

from seisflow.core.classes import Split
from seisflow.errors import SeisflowError
from seisflow.stages.evaluate.evaluation import (
    FALSE_POSITIVE_RATE,
    Evaluation,
    evaluate_probabilities,
    predict,
)
from seisflow.stages.evaluate.tables import comparison_table
from seisflow.stages.evaluate.truth import PlantedTruth
from seisflow.stages.learn.artifact import Model, load_model
from seisflow.stages.learn.examples import Examples, open_examples


def sets_of(model: Model, sets: list[Examples]) -> list[Examples]:
    """Return the set that a model was trained on, or all of its rate where it is not among them."""
    trained_on = model.document["training"].get("wavelets")
    own = [examples for examples in sets if examples.key == trained_on]
    return own or [examples for examples in sets if examples.rate_hz == model.rate_hz]


def evaluate(
    model: Model, examples: Examples, options: argparse.Namespace, split: Split
) -> list[Evaluation]:
    """Evaluate a model against the classes of the set, and against the truth if there is one."""
    indices = examples.select(split)
    found = predict(model, examples, indices, device=options.device, batch=options.batch)
    truths = [None, PlantedTruth(options.truth)] if options.truth else [None]
    return [
        evaluate_probabilities(
            found,
            model,
            examples,
            indices,
            truth=truth,
            false_positive_rate=options.false_positive_rate,
        )
        for truth in truths
    ]


def main() -> None:
    """Print a table for each split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wavelets", type=Path, nargs="+", required=True)
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    parser.add_argument("--truth", type=Path)
    splits = [split.name.lower() for split in Split]
    parser.add_argument("--splits", nargs="+", choices=splits, default=["test"])
    parser.add_argument("--false-positive-rate", type=float, default=FALSE_POSITIVE_RATE)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    say = partial(print, flush=True)
    sets = [open_examples(path) for path in options.wavelets]
    for split in options.splits:
        rows = {}
        for folder in options.models:
            try:
                model = load_model(folder)
                for examples in sets_of(model, sets):
                    for found in evaluate(model, examples, options, Split[split.upper()]):
                        planted = ", planted" if found.truth == "planted" else ""
                        rows[f"{folder.name} on {examples.path.stem}{planted}"] = found
            except SeisflowError as error:
                parser.exit(int(error.exit_code), f"{folder}: {error}\n")
        say(f"{split} split\n\n{comparison_table(rows)}")


if __name__ == "__main__":
    main()
