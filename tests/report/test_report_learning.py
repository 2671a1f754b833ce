"""Figures of evaluations, trainings and networks: what they show, from the numbers they are of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import evaluations
import matplotlib as mpl
import numpy as np
import pytest
from evaluations import guess
from matplotlib.figure import Figure

from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError, StorageError
from seisflow.stages.evaluate.evaluation import Evaluation, evaluate_probabilities
from seisflow.stages.learn.artifact import Model, model_document
from seisflow.stages.learn.classifier import build_classifier
from seisflow.stages.learn.examples import Examples
from seisflow.stages.learn.front_end import FrontEndConfig
from seisflow.stages.learn.layers import feature_maps, first_filters, planes
from seisflow.stages.report.figures import learning
from seisflow.stages.report.figures.network import MAPS_SHOWN, telling_maps, typical_examples
from seisflow.stages.report.figures.wavelets import (
    RANGE_DB,
    choose_cells,
    decibels,
    wavelet_pictures,
)

EARTHQUAKE = WaveletClass.EARTHQUAKE


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return evaluations.small_set(tmp_path_factory.mktemp("learning") / "wavelets.zarr")


@pytest.fixture(scope="module")
def model() -> Model:
    classifier = build_classifier("compact", FrontEndConfig(rate_hz=40)).eval()
    return Model(classifier, model_document(classifier))


@pytest.fixture(scope="module")
def evaluation(examples: Examples, model: Model) -> Evaluation:
    indices = examples.select(Split.TEST)
    said = guess(examples.wavelet_class[indices], skill=1.0)
    return evaluate_probabilities(said, model, examples, indices, false_positive_rate=0.1)


@pytest.fixture(scope="module")
def without_earthquakes(examples: Examples, model: Model) -> Evaluation:
    indices = np.flatnonzero(examples.wavelet_class != EARTHQUAKE)
    said = guess(examples.wavelet_class[indices], skill=50.0)
    return evaluate_probabilities(said, model, examples, indices)


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(mpl.text.Text) if t.get_text()]


def test_the_matrix_shows_counts_and_shares(evaluation: Evaluation) -> None:
    shown = texts(learning.confusion_figure(evaluation))
    confusion = evaluation.scores.confusion
    for is_, given in np.ndindex(3, 3):
        share = confusion[is_, given] / confusion[is_].sum()
        assert f"{confusion[is_, given]:,}\n{share:.1%}" in shown


def test_ours_and_the_published_are_marks_of_their_values(evaluation: Evaluation) -> None:
    _, right = learning.confusion_figure(evaluation).axes
    filled = [line for line in right.lines if line.get_marker() == "o"]
    open_ = [line for line in right.lines if line.get_marker() == "D" and len(line.get_xdata())]
    s = evaluation.scores
    assert [list(x.get_ydata()) for x in filled] == [
        pytest.approx([s.precision[k], s.recall[k], s.f1[k]]) for k in range(3)
    ]
    assert list(open_[0].get_ydata()) == [0.98, 0.85, 0.91]
    assert right.get_ylim()[0] <= min(*s.precision, *s.recall)


def test_reliability_shows_the_bins_that_hold_something(evaluation: Evaluation) -> None:
    above, below = learning.reliability_figure(evaluation).axes
    found = evaluation.calibration
    there = found.n > 0
    drawn = above.containers[0][0]
    assert list(drawn.get_ydata()) == pytest.approx(list(found.share[there]))
    assert list(drawn.get_xdata()) == pytest.approx(list(found.confidence[there]), abs=0.01)
    assert below.patches[0].get_data().values.tolist() == found.n.tolist()
    assert any(f"{found.error:.4f}" in t.get_text() for t in above.get_legend().get_texts())


def test_the_roc_is_logarithmic_and_passes_the_operating_point(evaluation: Evaluation) -> None:
    (axes,) = learning.roc_figure(evaluation).axes
    assert axes.get_xscale() == "log"
    curve = axes.lines[0]
    rates, recalls = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    point = evaluation.point
    at = np.flatnonzero(np.isclose(rates, point.rate))
    assert recalls[at].min() <= point.recall <= recalls[at].max() + 1e-9
    assert (axes.containers[0][0].get_xdata()[0], axes.containers[0][0].get_ydata()[0]) == (
        pytest.approx(point.rate),
        pytest.approx(point.recall),
    )
    assert f"less than 1 of {point.n_noise:,}" in texts(axes.figure)


def test_recall_shows_every_band_with_earthquakes_and_their_number(
    evaluation: Evaluation,
) -> None:
    figure = learning.recall_figure(evaluation)
    left, right = figure.axes
    bands = evaluation.by_snr
    there = bands.n > 0
    given, above = (c[0].get_ydata() for c in left.containers)
    assert list(given) == pytest.approx(list(bands.recall[there]))
    assert list(above) == pytest.approx(list(bands.recall_above[there]))
    numbers = [t.get_text() for t in left.texts]
    assert [n for n in numbers if n != "0"] == [f"{n}" for n in bands.n[there]]
    assert len(right.containers[0][0].get_ydata()) == 1  # all lie at 10 km


def test_histograms_hold_every_wavelet(evaluation: Evaluation) -> None:
    panels = learning.histogram_figure(evaluation).axes
    for column, axes in enumerate(panels):
        counts = [patch.get_data().values for patch in axes.patches]
        assert [c.sum() for c in counts] == evaluation.scores.support.tolist()
        own = evaluation.probabilities[evaluation.true == 1, column]
        assert counts[1].tolist() == np.histogram(own, np.linspace(0, 1, 41))[0].tolist()


def test_every_cell_is_shown_by_one_of_its_own(evaluation: Evaluation) -> None:
    for surest in (False, True):
        chosen = choose_cells(evaluation, surest=surest)
        assert len(chosen) == np.count_nonzero(evaluation.scores.confusion)
        for (is_, given), place in chosen.items():
            assert (evaluation.true[place], evaluation.given[place]) == (is_, given)
            own = (evaluation.true == is_) & (evaluation.given == given)
            claimed = evaluation.probabilities[own].max(axis=1)
            wanted = claimed.max() if surest else np.sort(claimed)[claimed.size // 2]
            assert evaluation.probabilities[place].max() == wanted


def test_cells_say_station_time_snr_and_probability(
    evaluation: Evaluation, model: Model, examples: Examples
) -> None:
    figure = learning.cells_figure(evaluation, model, examples)
    shown = "\n".join(texts(figure))
    place = choose_cells(evaluation, surest=False)[0, 0]
    index = evaluation.indices[place]
    assert f"earthquake given earthquake: {evaluation.scores.confusion[0, 0]}" in shown
    assert f"SNR {examples.snr[index]:.1f}" in shown
    assert f"EQ {evaluation.probabilities[place, 0]:.3f}" in shown
    assert f"{examples.station[index]}  2014-05-29 " in shown
    empty = np.count_nonzero(evaluation.scores.confusion == 0)
    assert shown.count("no wavelet") == empty


def test_empty_cells_say_so(
    without_earthquakes: Evaluation, model: Model, examples: Examples
) -> None:
    figure = learning.cells_figure(without_earthquakes, model, examples)
    assert texts(figure).count("no wavelet") == 7
    assert "earthquake given earthquake: 0" in texts(figure)


def test_pictures_are_what_the_network_sees(model: Model, examples: Examples) -> None:
    indices = np.array([0, 4])
    shown = wavelet_pictures(model, examples, indices)
    cut = examples.margin_samples - model.halo_samples
    samples = examples.read(indices)[:, cut : examples.n_samples - cut]
    for picture, plane in zip(shown, planes(model, samples), strict=True):
        assert picture.window.size == examples.window_samples
        assert np.abs(picture.window).max() == pytest.approx(1)
        expected = 20 * np.log10(np.maximum(plane[0] / plane[0].max(), 1e-3))
        assert picture.amplitude_db == pytest.approx(expected, abs=1e-4)
    assert shown[0].arrival_s == pytest.approx(float(examples.arrival_s[0]))
    assert np.isnan(shown[1].arrival_s)


def test_silence_has_a_spectrogram_too() -> None:
    assert (decibels(np.zeros((3, 4))) == -RANGE_DB).all()


def history(n: int = 6) -> list[dict[str, Any]]:
    names = ("loss", "validation_loss", "train_accuracy", "accuracy", "macro_f1")
    rng = np.random.default_rng(0)
    return [
        {"epoch": k, "learning_rate": 0.01 / (k + 1), **{name: rng.random() for name in names}}
        for k in range(n)
    ]


def test_the_training_shows_its_rows_and_the_best_validation() -> None:
    rows = history()
    losses, metrics, rates = learning.training_figure(rows).axes
    assert list(losses.lines[0].get_ydata()) == [row["loss"] for row in rows]
    best = min(row["validation_loss"] for row in rows)
    assert losses.lines[2].get_ydata() == [best]
    for line, name in zip(metrics.lines, ("train_accuracy", "accuracy", "macro_f1"), strict=False):
        assert list(line.get_ydata()) == [row[name] for row in rows]
        assert line.get_label() != "accuracy, training" or name == "train_accuracy"
    assert metrics.lines[3].get_ydata() == [max(row["macro_f1"] for row in rows)]
    assert list(rates.lines[0].get_ydata()) == [row["learning_rate"] for row in rows]
    assert rates.get_yscale() == "log"


def test_a_training_may_lack_what_was_not_measured() -> None:
    losses, metrics, _ = learning.training_figure([{"loss": 1.0, "macro_f1": None}]).axes
    assert list(losses.lines[0].get_xdata()) == [0]
    assert len(losses.lines) == 1
    assert len(metrics.lines) == 0


def test_filters_are_drawn_one_by_one(model: Model) -> None:
    filters = first_filters(model)
    figure = learning.filters_figure(model)
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == filters.shape[0] * filters.shape[1]
    assert np.array_equal(np.asarray(images[1].get_array()), filters[1, 0])
    low, high = images[0].get_clim()
    assert low == -high == pytest.approx(-np.abs(filters[:, 0]).max())


def test_feature_maps_are_those_of_a_wavelet_of_each_class(
    model: Model, examples: Examples
) -> None:
    chosen = typical_examples(examples)
    assert [examples.wavelet_class[i] for i in chosen.values()] == [0, 1, 2]
    assert all(examples.split[i] == Split.VALIDATION for i in chosen.values())
    figure = learning.feature_maps_figure(model, examples)
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == 3 * (1 + 2 * MAPS_SHOWN)
    cut = examples.margin_samples - model.halo_samples
    samples = examples.read(list(chosen.values()))[:, cut : examples.n_samples - cut]
    maps = np.stack([feature_maps(model, row)[0] for row in samples])
    first = telling_maps(maps)[0]
    assert np.array_equal(np.asarray(images[0].get_array()), maps[0, first])


def test_the_maps_that_differ_between_wavelets_come_first() -> None:
    maps = np.random.default_rng(0).standard_normal((3, 10, 4, 5)).astype(np.float32)
    maps[1, 6] += 30
    maps[:, 3] = 1.0
    assert telling_maps(maps)[0] == 6
    assert 3 not in telling_maps(maps)


def test_feature_maps_of_nothing_are_refused(model: Model, tmp_path: Path) -> None:
    split = np.zeros(90, np.uint8)
    none = evaluations.write_wavelets(
        tmp_path / "w.zarr", evaluations.WaveletSet(n=90), unready=tuple(range(90)), split=split
    )
    with pytest.raises(ConfigError, match="has no wavelet to draw feature maps of"):
        learning.feature_maps_figure(model, evaluations.open_examples(none))


@pytest.mark.slow
def test_all_figures_are_written_also_without_earthquakes(
    without_earthquakes: Evaluation, model: Model, examples: Examples, tmp_path: Path
) -> None:
    paths = learning.draw_evaluation(without_earthquakes, model, examples, tmp_path / "figures")
    assert len(paths) == len(set(paths)) == 7
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_figures_of_the_network_and_the_training_are_written(
    model: Model, examples: Examples, tmp_path: Path
) -> None:
    paths = learning.draw_network(model, examples, tmp_path)
    paths += learning.draw_training(history(), tmp_path)
    assert [path.name for path in paths] == ["filters.png", "feature-maps.png", "training.png"]
    assert all(path.exists() for path in paths)


def test_a_forest_has_no_network_to_draw(model: Model, examples: Examples, tmp_path: Path) -> None:
    forest = Model(model.classifier, {**model.document, "network": {"name": "forest"}})
    assert learning.draw_network(forest, examples, tmp_path / "none") == []
    assert learning.draw_training([], tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "draw",
    [
        lambda folder, e, m, x: learning.draw_evaluation(e, m, x, folder),
        lambda folder, e, m, x: learning.draw_training(history(), folder),
    ],
)
def test_a_place_that_cannot_be_written_is_said(
    draw: Callable[..., Any],
    evaluation: Evaluation,
    model: Model,
    examples: Examples,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="cannot write to"):
        draw(tmp_path / "file", evaluation, model, examples)
