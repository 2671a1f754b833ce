"""What train can be asked."""

from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from seisflow.core.config import StageConfig
from seisflow.core.options import (
    ADVANCED,
    ModelOption,
    PathOption,
    PathsOption,
    argument,
    numbers,
    option,
    running,
)
from seisflow.engine.devices import Device

__all__ = ["LEARNING_RATES", "WEIGHT_DECAYS", "AugmentConfig", "TrainConfig"]

LEARNING_RATES = {"sgd": 0.01, "rmsprop": 0.001, "adagrad": 0.01, "adam": 0.001, "adamw": 0.001}
"""Learning rate of each optimiser where none is given."""

WEIGHT_DECAYS = {"sgd": 1e-4, "rmsprop": 0.0, "adagrad": 0.0, "adam": 0.0, "adamw": 0.01}
"""Weight decay of each optimiser where none is given."""

AUGMENTATION = "Augmentation"

Optimiser = Literal["sgd", "rmsprop", "adagrad", "adam", "adamw"]
Schedule = Literal["constant", "step", "cosine", "onecycle", "plateau"]


class AugmentConfig(StageConfig):
    """How far a wavelet may be changed before it is learnt from.

    See `seisflow.stages.learn.augment`.

    Parameters
    ----------
    flip : float
        Share of wavelets whose polarity is reversed.
    shift_s : float
        Largest shift of noise, in s, as far as the margin allows.
    event_shift_s : float
        Largest shift of an earthquake, in s, as far as the margin allows.
    noise : float
        Share of wavelets to which random noise of the same station is added.
    noise_snr : (float, float)
        Smallest and largest ratio of the wavelet's amplitude, of an earthquake in the 2 s behind P,
        to that of the added noise; log-uniform.
    noise_of : str
        Where the added noise is from: the same ``station``, or ``any`` of any source.
    gain : float
        Largest factor, up or down, by which a wavelet is scaled before noise is added.
    pulses : float
        Share of wavelets of not random noise that get a pulse or a step.
    colour : float
        Share of wavelets whose spectrum is tilted, half of them with a resonance, a quarter with
        a corner.
    stretch : float
        Largest factor by which time is stretched, either way, about P or the middle of noise, as
        far as the margin allows: a margin of 4 s allows 2.
    stretched : float
        Share of wavelets whose time is stretched.
    """

    flip: float = option(0.5, ge=0, le=1, group=AUGMENTATION)
    shift_s: float = option(0.25, ge=0, group=AUGMENTATION)
    event_shift_s: float = option(0.1, ge=0, group=AUGMENTATION)
    noise: float = option(0.5, ge=0, le=1, group=AUGMENTATION)
    noise_snr: tuple[float, float] = option((2.0, 20.0), group=AUGMENTATION)
    noise_of: Literal["station", "any"] = option("station", group=AUGMENTATION)
    gain: float = option(1.5, ge=1, group=AUGMENTATION)
    pulses: float = option(0.0, ge=0, le=1, group=AUGMENTATION)
    colour: float = option(0.0, ge=0, le=1, group=AUGMENTATION)
    stretch: float = option(1.0, ge=1, le=4, group=AUGMENTATION)
    stretched: float = option(0.6, ge=0, le=1, group=AUGMENTATION)

    @field_validator("noise_snr")
    @classmethod
    def _is_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1]:
            raise ValueError("the range of noise_snr must be positive and ascending")
        return value


class TrainConfig(StageConfig):
    """Train a network on assembled wavelets: earthquake, random noise, not random noise.

    Wavelets are read from the disk in shuffled blocks, so that a set may be larger than memory.
    The weights that did best on the validation split are kept. A training that was stopped, by
    Ctrl-C, a signal or a crash, goes on from its last checkpoint when it is asked for again, and
    on a CPU ends with the very weights it would have had.

    MODEL holds weights.safetensors and model.json (all that classifying needs), history.json,
    metrics.json and figures of the validation split, and TensorBoard's files. The test split is
    for evaluate, once.

    Where torchrun started the process it joins the other ranks: `torchrun --nproc-per-node 8 -m
    seisflow train ...` is what 8 ranks do here, and works across machines.

    Parameters
    ----------
    wavelets : tuple of str
        What assemble wrote, of one archive or of several: the network learns from all of them, at
        the rate of that with the fewest samples per second unless another is asked for.
    model : path
        The folder to write, or to go on in.
    weights : tuple of float
        Weight of each WAVELETS, in their order; equal ones by default. Of several an epoch has
        equally many wavelets of each class, of each WAVELETS in proportion to its weight and the
        square root of its number.
    from_model : path, optional
        What train wrote, or the name of a shipped model: go on from its weights and statistics, to
        teach it the events of another array. Network and front end (network, rate, low_hz,
        high_hz, frame_s) are those of that model. Both models are evaluated on the validation
        split, before and after.
    layers : str
        With a model to go on from, what learns: ``all`` weights, or those of the ``last`` layer
        alone, for few wavelets; all else, statistics included, then stays as it is.
    network : str
        ``published``: as in the lecture slides, 82 million weights; ``compact``: 0.1 million;
        ``recurrent``: reads frames in their order; ``forest``: a random forest, the baseline
        without a network.
    rate : int, optional
        Samples per second of the model, to which wavelets and later records of other rates are
        resampled with a linear-phase filter; by default those of the wavelets. Rates below 0.4 of
        it are refused.
    low_hz : float, optional
        Lower corner of the front end; 0 leaves it open.
    high_hz : float, optional
        Upper corner of the front end; open by default.
    frame_s : float
        Length of one frame of the spectrogram, in s.
    epochs : int
        Largest number of times that every wavelet is seen.
    batch_size : int
        Wavelets in one step, over all ranks together.
    optimiser : str
        Optimiser of the weights.
    learning_rate : float, optional
        Largest learning rate of the schedule; by default 0.01 for sgd and adagrad, else 0.001.
    schedule : str
        ``step``: a tenth after each third; ``cosine``: down to 0; ``onecycle``: up, then down to
        0; ``plateau``: halved after 3 epochs without a better validation.
    weight_decay : float, optional
        Weight decay; by default 0.01 for adamw, 1e-4 for sgd, else 0.
    momentum : float
        Momentum, for sgd alone.
    dropout : float
        Share of values dropped.
    class_weights : str
        ``balanced``: a class of n_class among n wavelets is weighted by n / (3 n_class).
    label_smoothing : float
        Share of each label that is spread over all classes.
    clip_norm : float
        Largest norm of the gradient; 0 for no limit.
    patience : int
        Epochs without a better validation after which training stops; 0 for never.
    monitor : str
        What is judged on the validation split: a higher macro_f1 or a lower loss is better.
    precision : str
        Arithmetic of the network; ``bfloat16`` where the processor is made for it. Weights stay
        float32.
    augment : AugmentConfig, optional
        Change wavelets a little each time they are seen, but never those of validation.
    shards_together : int
        Files of 2048 wavelets that are held in memory and shuffled together; changes the order, and
        so the weights.
    seed : int
        Seed of the first weights, the order, augmentation and dropout.
    forest_examples : int
        Largest number of wavelets to which the forest is fitted.
    forest_trees : int
        Number of trees in the forest.
    device : str
        Where to train; ``auto``: a GPU where there is one.
    ranks : int
        Processes per machine that train together, each on a GPU or its share of the cores; in a
        SLURM job with GPUs by default one for each GPU.
    nodes : int
        Nodes of the SLURM job.
    cluster : str
        ``local``: this machine; a SLURM profile: one job in its pool gpu, or in cpu where it has no
        such pool. With --detach the job is submitted; without, the process must already be in it.
    checkpoint_every_s : float
        Seconds between checkpoints; there is one after every epoch as well.

    Examples
    --------
    seisflow train wavelets.zarr model

    seisflow train ridgecrest.zarr anza.zarr rutford.zarr model --rate 100

    seisflow train wavelets.zarr model --network published --ranks 4 --precision bfloat16

    seisflow train wavelets.zarr model --cluster alice --nodes 4 --detach

    seisflow train own.zarr own-model --from universal --layers last

    seisflow train wavelets.zarr forest --network forest

    tensorboard --logdir model/tensorboard
    """

    wavelets: PathsOption = argument("WAVELETS.zarr...", product="wavelets", min_length=1)
    model: PathOption = argument("MODEL", product="model")
    weights: tuple[float, ...] = ()
    from_model: ModelOption | None = argument("MODEL", default=None, is_named=True, short="--from")
    layers: Literal["all", "last"] = "all"
    network: str = "compact"
    rate: int | None = option(None, ge=1)
    low_hz: float | None = 2.0
    high_hz: float | None = None
    frame_s: float = 0.2
    epochs: int = option(30, ge=1)
    batch_size: int = option(128, ge=1)
    optimiser: Optimiser = "adamw"
    learning_rate: float = option(None, gt=0)
    schedule: Schedule = "cosine"
    weight_decay: float = option(None, ge=0)
    momentum: float = option(0.9, ge=0, lt=1)
    dropout: float = option(0.2, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    label_smoothing: float = option(0.0, ge=0, lt=1)
    clip_norm: float = option(5.0, ge=0)
    patience: int = option(8, ge=0)
    monitor: Literal["macro_f1", "loss"] = "macro_f1"
    precision: Literal["float32", "bfloat16"] = "float32"
    augment: AugmentConfig | None = numbers(AugmentConfig())
    shards_together: int = option(8, ge=1, group=ADVANCED)
    seed: int = option(0, ge=0, lt=2**32)
    forest_examples: int = option(20_000, ge=1)
    forest_trees: int = option(200, ge=1)
    device: Device = running("auto")
    ranks: int = running(1, ge=1)
    nodes: int = running(1, ge=1)
    cluster: str = running("local")
    checkpoint_every_s: float = running(600.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _with_usual_rates(cls, options: Any) -> Any:
        if not isinstance(options, dict):
            return options
        optimiser = str(options.get("optimiser", "adamw"))
        usual = {
            "learning_rate": LEARNING_RATES.get(optimiser, 0.001),
            "weight_decay": WEIGHT_DECAYS.get(optimiser, 0.0),
        }
        given = {
            name: value for name, value in options.items() if value is not None or name not in usual
        }
        return usual | given

    @model_validator(mode="after")
    def _goes_on_elsewhere(self) -> Self:
        if self.layers != "all" and self.from_model is None:
            raise ValueError(
                f"layers = {self.layers!r} asked without a model to go on from; give --from MODEL, "
                "or leave it out"
            )
        if self.from_model == self.model:
            raise ValueError(
                f"--from {self.from_model} is the folder to write as well; give another one: a "
                "model that is gone on from stays as it is"
            )
        return self

    @field_validator("low_hz", "high_hz")
    @classmethod
    def _zero_is_open(cls, value: float | None) -> float | None:
        return value or None
