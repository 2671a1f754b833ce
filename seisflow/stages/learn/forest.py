"""The baseline: a random forest on features of a window.

The authors compared their network with a random forest on spectral and temporal features (C. W.
Johnson, lecture slides of 2019). Trees are grown by scikit-learn (Breiman 2001, Machine Learning
45, 5-32, doi:10.1023/A:1010933404324), then kept as plain arrays and evaluated here, so that a
model file holds no code and needs no particular version of scikit-learn.

Invariant: probabilities are those of `RandomForestClassifier.predict_proba` to 1e-6.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seisflow.core.classes import WaveletClass
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.features import feature_names, window_features
from seisflow.stages.learn.front_end import FrontEnd, FrontEndConfig

__all__ = ["Forest", "fit_forest", "forest_features"]

BLOCK = 1024
"""Windows whose features are computed at once."""

ARRAYS = ("feature", "threshold", "left", "right", "shares", "roots", "importances")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """A random forest as plain arrays.

    Nodes of all trees stand in one row, tree after tree. A leaf is its own left and right child.

    Attributes
    ----------
    front_end : FrontEnd
        Filters and normalises windows before features are taken.
    settings : dict
        What it was grown with: ``n_trees``, ``max_depth``, ``seed``.
    feature : ndarray of int32, shape (n_nodes,)
        Column a node looks at.
    threshold : ndarray of float32, shape (n_nodes,)
        A window goes left where its feature is at most this.
    left, right : ndarray of int32, shape (n_nodes,)
        Children.
    shares : ndarray of float32, shape (n_nodes, n_classes)
        Share of each class, weighted.
    roots : ndarray of int32, shape (n_trees,)
        First node of each tree.
    importances : ndarray of float32, shape (n_features,)
        Mean decrease of impurity by each feature; sums to 1.
    """

    front_end: FrontEnd
    settings: dict[str, Any] = field(default_factory=dict)
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    shares: npt.NDArray[np.float32]
    roots: npt.NDArray[np.int32]
    importances: npt.NDArray[np.float32]

    @property
    def halo_samples(self) -> int:
        """Samples needed before and after a window."""
        return self.front_end.halo_samples

    @property
    def window_samples(self) -> int:
        """Samples in a window."""
        return self.front_end.window_samples

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order of `importances`."""
        return feature_names(self.front_end.config.rate_hz, self.front_end.config.window_s)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return what a model file keeps."""
        return {name: getattr(self, name) for name in ARRAYS}

    def probabilities(
        self, samples: npt.NDArray[np.float32], *, batch: int = 256
    ) -> npt.NDArray[np.float32]:
        """Classify windows.

        Parameters
        ----------
        samples : ndarray of float32, shape (n, window_samples + 2 * halo_samples)
            Counts, or any unit; finite.
        batch : int
            Windows at once.

        Returns
        -------
        ndarray of float32, shape (n, n_classes)
            Rows sum to 1.

        Raises
        ------
        DataError
            Windows have another length.
        """
        parts = [
            self.evaluate(forest_features(samples[start : start + batch], self.front_end))
            for start in range(0, len(samples), batch)
        ]
        n_classes = self.shares.shape[1]
        return np.concatenate(parts) if parts else np.zeros((0, n_classes), np.float32)

    def evaluate(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities of windows whose features are known.

        Parameters
        ----------
        features : ndarray of float32, shape (n, n_features)
            Columns of `feature_names`.

        Returns
        -------
        ndarray of float32, shape (n, n_classes)
            Mean over trees of the shares of the leaves reached.
        """
        node = np.broadcast_to(self.roots, (len(features), self.roots.size))
        rows = np.arange(len(features))[:, np.newaxis]
        while True:
            goes_left = features[rows, self.feature[node]] <= self.threshold[node]
            child = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(child, node):
                break
            node = child
        mean: npt.NDArray[np.float64] = self.shares[node].mean(axis=1, dtype=np.float64)
        return mean.astype(np.float32)


def forest_features(
    samples: npt.NDArray[np.float32], front_end: FrontEnd
) -> npt.NDArray[np.float32]:
    """Features of windows as the forest takes them, in blocks of bounded memory.

    Parameters
    ----------
    samples : ndarray of float32, shape (n, window_samples + 2 * halo_samples)
        Counts, or any unit; finite.
    front_end : FrontEnd
        Filters and normalises.

    Returns
    -------
    ndarray of float32, shape (n, n_features)
        Columns of `seisflow.stages.learn.features.feature_names`.

    Raises
    ------
    DataError
        Windows have another length.
    """
    config = front_end.config
    n_features = len(feature_names(config.rate_hz, config.window_s))
    found = np.empty((len(samples), n_features), np.float32)
    for start in range(0, len(samples), BLOCK):
        block = np.ascontiguousarray(samples[start : start + BLOCK], dtype=np.float32)
        windows = front_end.filtered(torch.from_numpy(block)).numpy()
        found[start : start + BLOCK] = window_features(windows, config.rate_hz)
    return found


def fit_forest(
    samples: npt.NDArray[np.float32],
    classes: npt.NDArray[np.uint8],
    front_end_config: FrontEndConfig,
    *,
    n_trees: int = 300,
    max_depth: int | None = None,
    seed: int = 0,
) -> Forest:
    """Grow a random forest; classes weigh the same however many windows each has.

    Parameters
    ----------
    samples : ndarray of float32, shape (n, window_samples + 2 * halo_samples)
        Counts; may be a memory map, it is read in blocks.
    classes : ndarray of uint8, shape (n,)
        Codes of `seisflow.core.classes.WaveletClass`.
    front_end_config : FrontEndConfig
        Numbers of the band; those of the STFT play no part.
    n_trees : int
        Trees.
    max_depth : int, optional
        Most questions from root to leaf; no limit where left out.
    seed : int
        Of the draws of windows and features.

    Returns
    -------
    Forest
        The same for the same arguments and version of scikit-learn.

    Raises
    ------
    ConfigError
        There is no such number of trees, or no such depth.
    DataError
        A class is missing, or windows have another length, or there are not as many classes as
        windows.
    """
    if n_trees < 1 or (max_depth is not None and max_depth < 1):
        raise ConfigError(f"n_trees = {n_trees}, max_depth = {max_depth}; give 1 or more of each")
    _check_classes(samples, classes)
    from sklearn.ensemble import RandomForestClassifier  # a second to import, needed only here

    front_end = FrontEnd(front_end_config)
    grown = RandomForestClassifier(
        n_trees, max_depth=max_depth, class_weight="balanced", random_state=seed
    )
    grown.fit(forest_features(samples, front_end), classes)
    settings = {"n_trees": n_trees, "max_depth": max_depth, "seed": seed}
    return Forest(front_end=front_end, settings=settings, **_arrays_of(grown))


def _check_classes(samples: npt.NDArray[np.float32], classes: npt.NDArray[np.uint8]) -> None:
    if classes.shape != (len(samples),):
        raise DataError(f"{len(samples)} windows need as many classes; found {classes.shape}")
    counts = np.bincount(classes, minlength=len(WaveletClass))
    missing = [wanted.name.lower() for wanted in WaveletClass if not counts[wanted]]
    if missing or counts.size > len(WaveletClass):
        raise DataError(
            f"a forest needs windows of every class and of no other; counts by code are "
            f"{counts.tolist()}, missing: {', '.join(missing) or 'none'}; assemble more WAVELETS"
        )


def _arrays_of(grown: Any) -> dict[str, npt.NDArray[Any]]:
    """Take the trees out of a fitted `RandomForestClassifier`."""
    trees = [estimator.tree_ for estimator in grown.estimators_]
    roots = np.cumsum([0] + [tree.node_count for tree in trees[:-1]])
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ARRAYS[:5]}
    for tree, root in zip(trees, roots, strict=True):
        itself = np.arange(tree.node_count)
        is_leaf = tree.children_left < 0
        value = tree.value[:, 0, :]
        parts["feature"].append(np.where(is_leaf, 0, tree.feature))
        parts["threshold"].append(_rounded_down(np.where(is_leaf, 0.0, tree.threshold)))
        parts["left"].append(root + np.where(is_leaf, itself, tree.children_left))
        parts["right"].append(root + np.where(is_leaf, itself, tree.children_right))
        parts["shares"].append(value / value.sum(axis=1, keepdims=True))
    kinds = dict.fromkeys(ARRAYS, np.int32) | dict.fromkeys(
        ("threshold", "shares", "importances"), np.float32
    )
    found = {name: np.concatenate(part) for name, part in parts.items()}
    found |= {"roots": roots, "importances": grown.feature_importances_}
    return {name: found[name].astype(kinds[name]) for name in ARRAYS}


def _rounded_down(threshold: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Largest float32 not above each threshold: the same side for every float32 feature."""
    rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)
