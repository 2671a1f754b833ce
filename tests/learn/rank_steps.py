"""A few steps of a training, in one process or in one of several."""

import os
from pathlib import Path

import numpy as np
import torch

from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.job import prepare
from seisflow.stages.learn.learner import Learner
from seisflow.stages.learn.ranks import join

OPTIONS = {
    "network": "compact",
    "batch_size": 32,
    "optimiser": "sgd",
    "learning_rate": 0.02,
    "dropout": 0.0,
    "class_weights": "balanced",
    "label_smoothing": 0.1,
    "clip_norm": 0.5,
}


def take_steps(rank: int, n_ranks: int, port: int, wavelets: Path, output: Path) -> None:
    """Take four steps and judge; the first rank writes losses and how far weights moved."""
    torch.set_num_threads(1)
    if n_ranks > 1:
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": n_ranks, "MASTER_PORT": port}
        os.environ.update({k: str(v) for k, v in place.items()} | {"MASTER_ADDR": "127.0.0.1"})
    with join("cpu") as world:
        asked = OPTIONS | {"wavelets": wavelets, "model": output}
        job = prepare(TrainConfig.build(asked))
        learner = Learner(job, world)
        begun = learner.weights()
        agrees = np.array([world.agrees(10**7), world.agrees(10**7 + rank)])
        learnt = []
        for step, batch in enumerate(job.reader(world.rank, world.size).epoch(0)):
            if step < 4:
                learnt.append(learner.learn(batch, 0.02, (0, step)))
        judged = learner.judge(lambda: None)
        if world.is_first:
            moved = [(v - begun[k]).float().ravel() for k, v in learner.weights().items()]
            found = {"moved": torch.cat(moved).numpy()}
            found["agrees"] = agrees
            found["loss"] = np.array([one.loss for one in learnt])
            found["n_right"] = np.array([one.n_right for one in learnt])
            found["validation_loss"] = np.array(judged["validation_loss"])
            found["f1"] = np.array(list(judged["f1"].values()))
            np.savez(output, **found)
