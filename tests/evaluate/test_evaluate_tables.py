"""Tables: what stands beside what, and the published figures as printed."""

from pathlib import Path

import evaluations
import numpy as np
import pytest
from evaluations import FakeModel, guess

from seisflow.core.classes import Split
from seisflow.stages.evaluate.evaluation import Evaluation, evaluate_probabilities
from seisflow.stages.evaluate.published import PUBLISHED
from seisflow.stages.evaluate.tables import class_rows, comparison_table, evaluation_table
from seisflow.stages.learn.examples import Examples


def evaluated(examples: Examples, split: Split = Split.TEST, seed: int = 0) -> Evaluation:
    indices = examples.select(split)
    said = guess(examples.wavelet_class[indices], seed)
    return evaluate_probabilities(said, FakeModel(examples), examples, indices)


def rows_of(table: str) -> dict[str, list[str]]:
    """Return the cells of every line of Markdown tables by the first cell."""
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [c.strip() for c in cells[1:]] for cells in lines}


def test_published_figures_fit_together() -> None:
    """F1 follows from precision and recall, and the weighted mean from balanced classes."""
    for published in PUBLISHED.values():
        for precision, recall, f1 in published.classes:
            exact = 2 * precision * recall / (precision + recall)
            assert abs(exact - f1) < 0.011
        assert published.weighted_f1 == pytest.approx(published.macro_f1, abs=0.01)


def test_ours_stands_beside_the_published_of_the_same_split(examples: Examples) -> None:
    found = evaluated(examples)
    rows = {row[0]: row[1:] for row in class_rows(found)}
    own = (found.scores.precision[0], found.scores.recall[0], found.scores.f1[0])
    assert rows["earthquake"][:3] == [f"{v:.3f}" for v in own]
    assert rows["earthquake"][4:] == ["0.98", "0.85", "0.91"]
    assert rows["not random noise"][4:] == ["0.80", "0.86", "0.83"]
    assert rows["weighted mean"][-1] == "0.88"
    validation = {row[0]: row[1:] for row in class_rows(evaluated(examples, Split.VALIDATION))}
    assert validation["earthquake"][4:] == ["0.99", "0.93", "0.96"]
    assert len(class_rows(evaluated(examples, Split.TRAIN))[0]) == 5


def test_every_line_of_a_table_has_as_many_cells_as_its_head(examples: Examples) -> None:
    text = (
        evaluation_table(evaluated(examples)) + "\n" + comparison_table({"a": evaluated(examples)})
    )
    width = None
    for line in text.splitlines():
        if not line.startswith("|"):
            width = None
            continue
        width = width or line.count("|")
        assert line.count("|") == width, line


def test_the_table_says_what_must_be_known(examples: Examples) -> None:
    found = evaluated(examples)
    text = evaluation_table(found)
    assert text.startswith("## fake on the test split — 1 of 1 events and 3 of 3 stations")
    rows = rows_of(text)
    n_false, n_noise = found.point.n_false, found.point.n_noise
    assert rows["false positives there"][0].startswith(f"{n_false} of {n_noise} noise windows, 95")
    assert rows["smallest rate these can show"] == [f"{1 / n_noise:.2g}"]
    assert rows["recall there"][0].startswith(f"{found.point.recall:.3f}, 95 % interval ")
    assert rows["expected calibration error"] == [f"{found.calibration.error:.4f} (15 bins)"]
    assert rows[found.stations.name[0]][1] != "-"
    assert "left out" not in text


def test_stations_are_shown_worst_first_and_not_all(tmp_path: Path) -> None:
    names = np.array([f"XX.S{k:02d}..HHZ" for k in range(90)], object)
    examples = evaluations.small_set(tmp_path / "w.zarr", station=names)
    found = evaluated(examples)
    lines = [x for x in evaluation_table(found).splitlines() if x.startswith("| XX.S")]
    assert len(lines) == 20
    shown = [float(line.split("|")[3]) for line in lines]
    assert shown == sorted(found.stations.macro_f1)[:20]
    assert shown[0] < shown[-1]


def test_networks_stand_below_each_other_and_the_published(examples: Examples) -> None:
    table = comparison_table(
        {"compact": evaluated(examples), "forest": evaluated(examples, seed=1)}
    )
    rows = rows_of(table)
    assert list(rows)[2:] == ["published, test", "compact, test", "forest, test"]
    assert rows["published, test"][1] == "0.98 / 0.85 / 0.91"
    assert rows["published, test"][4:6] == ["0.88", "0.88"]
    found = evaluated(examples, seed=1)
    assert rows["forest, test"][4] == f"{found.scores.macro_f1:.3f}"
    assert rows["forest, test"] != rows["compact, test"]
    assert "- forest: 1 of 1 events" in table


def test_only_splits_that_were_published_have_a_published_line(examples: Examples) -> None:
    assert "published" not in comparison_table({"a": evaluated(examples, Split.TRAIN)})


def test_a_class_that_does_not_occur_has_no_number(examples: Examples) -> None:
    indices = np.flatnonzero(examples.wavelet_class != 0)
    said = guess(examples.wavelet_class[indices])
    found = evaluate_probabilities(said, FakeModel(examples), examples, indices)
    assert found.split == "mixed"
    assert rows_of(evaluation_table(found))["earthquake"][1] in ("-", "0")
    rows = {row[0]: row[1:] for row in class_rows(found)}
    assert rows["earthquake"][1] == "-"
