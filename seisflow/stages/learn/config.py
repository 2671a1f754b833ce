"""What a training is asked for: every value that can change the weights, and none that cannot.

Device, number of ranks and the time between checkpoints are not here: they change how long a
training takes and, up to rounding, nothing else.
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from seisflow.core.config import StageConfig

__all__ = ["LEARNING_RATES", "WEIGHT_DECAYS", "AugmentConfig", "TrainConfig"]

LEARNING_RATES = {"sgd": 0.01, "rmsprop": 0.001, "adagrad": 0.01, "adam": 0.001, "adamw": 0.001}
"""Learning rate of each optimiser where none is given."""

WEIGHT_DECAYS = {"sgd": 1e-4, "rmsprop": 0.0, "adagrad": 0.0, "adam": 0.0, "adamw": 0.01}
"""Weight decay of each optimiser where none is given."""

Optimiser = Literal["sgd", "rmsprop", "adagrad", "adam", "adamw"]
Schedule = Literal["constant", "step", "cosine", "onecycle", "plateau"]


class AugmentConfig(StageConfig):
    """How far a wavelet may be changed before it is learnt from.

    See `seisflow.stages.learn.augment`.

    Parameters
    ----------
    flip : float
        Probability that the polarity is turned.
    shift_s, event_shift_s : float
        Largest shift of noise, and of an earthquake, in s; less where the margin allows less.
    noise : float
        Probability that random noise of the same station is added.
    noise_snr : (float, float)
        Range of the amplitude of the wavelet over that of the added noise; drawn evenly in
        its logarithm.
    gain : float
        The wavelet is multiplied by a factor between 1 / gain and gain before noise is added.
    """

    flip: float = Field(default=0.5, ge=0, le=1)
    shift_s: float = Field(default=0.25, ge=0)
    event_shift_s: float = Field(default=0.1, ge=0)
    noise: float = Field(default=0.5, ge=0, le=1)
    noise_snr: tuple[float, float] = (2.0, 20.0)
    gain: float = Field(default=1.5, ge=1)

    @field_validator("noise_snr")
    @classmethod
    def _is_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0 < value[0] <= value[1]:
            raise ValueError("the range of noise_snr must be positive and ascending")
        return value


class TrainConfig(StageConfig):
    """Everything that makes two trainings the same, beside the wavelets they read.

    Parameters
    ----------
    network : str
        A name of `seisflow.stages.learn.networks.NETWORKS`, or ``forest``.
    low_hz, high_hz : float, optional
        Band of the front end; None leaves that side open.
    frame_s : float
        Length of one frame of the spectrogram, in s.
    epochs : int
        Times every example is seen, at most.
    batch_size : int
        Examples of one step, over all ranks together.
    optimiser, schedule : str
        Names as in the annotations.
    learning_rate, weight_decay : float
        Those of `LEARNING_RATES` and `WEIGHT_DECAYS` where none are given. The learning rate is
        the largest of the schedule.
    momentum, dropout, label_smoothing : float
        As PyTorch means them; momentum is for ``sgd`` alone.
    class_weights : str
        ``balanced`` weighs a class by n / (3 n_class).
    clip_norm : float
        Largest norm of the gradient; 0 does not clip.
    patience : int
        Epochs without a better validation after which the training stops; 0 never stops it.
    monitor : str
        What "better" is: a higher ``macro_f1`` or a lower ``loss``, on the validation split.
    precision : str
        Type of the network's arithmetic; weights stay float32.
    augment : AugmentConfig, optional
        None leaves the wavelets as they are.
    shards_together : int
        Files of the store that are held in memory and shuffled together.
    seed : int
        Of the first weights, of order, augmentation and dropout.
    forest_examples, forest_trees : int
        Wavelets a forest is fitted to, at most, and its trees.
    """

    network: str = "compact"
    low_hz: float | None = 2.0
    high_hz: float | None = None
    frame_s: float = 0.2
    epochs: int = Field(default=30, ge=1)
    batch_size: int = Field(default=128, ge=1)
    optimiser: Optimiser = "adamw"
    learning_rate: float = Field(gt=0)
    schedule: Schedule = "cosine"
    weight_decay: float = Field(ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    class_weights: Literal["none", "balanced"] = "none"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    clip_norm: float = Field(default=5.0, ge=0)
    patience: int = Field(default=8, ge=0)
    monitor: Literal["macro_f1", "loss"] = "macro_f1"
    precision: Literal["float32", "bfloat16"] = "float32"
    augment: AugmentConfig | None = AugmentConfig()
    shards_together: int = Field(default=8, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    forest_examples: int = Field(default=20_000, ge=1)
    forest_trees: int = Field(default=200, ge=1)

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
