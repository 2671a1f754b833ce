"""Models that a second of training has moved, normalisations included: a toy, not a benchmark."""

from copy import deepcopy
from functools import cache

import numpy as np
import torch
from torch import nn
from toy_windows import toy_windows

from seisflow.stages.learn.artifact import Model, model_document
from seisflow.stages.learn.classifier import build_classifier
from seisflow.stages.learn.forest import fit_forest
from seisflow.stages.learn.front_end import FrontEndConfig

CONFIG_40 = FrontEndConfig(40)
SHARPER = {"published": 50, "compact": 5, "recurrent": 100}


@cache
def made(kind: str, seed: int = 0, config: FrontEndConfig = CONFIG_40) -> Model:
    """A network of this name, or a forest, after some steps on toy windows."""
    samples, classes = toy_windows(60, config, seed)
    if kind == "forest":
        forest = fit_forest(samples, classes, config, n_trees=4, seed=seed)
        return Model(forest, model_document(forest))
    torch.manual_seed(seed)
    classifier = build_classifier(kind, config, 0.3)
    optimizer = torch.optim.SGD(classifier.parameters(), 0.01)
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(
            classifier(torch.from_numpy(samples)), torch.from_numpy(classes.astype(np.int64))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Model(classifier.eval(), model_document(classifier))


@cache
def sharp(kind: str, config: FrontEndConfig = CONFIG_40) -> Model:
    """A model whose probabilities differ from window to window."""
    model = deepcopy(made(kind, config=config))
    if kind != "forest":
        dense = [m for m in model.classifier.network.modules() if isinstance(m, nn.Linear)][-1]
        with torch.no_grad():
            dense.weight *= SHARPER[kind]
            logits = model.classifier(torch.from_numpy(toy_windows(60, config)[0]))
            dense.bias -= logits.mean(dim=0)
        model = Model(model.classifier, model_document(model.classifier))
    return model
