"""Train, resume, freeze and judge networks in PyTorch."""
from cnnlib.training.evaluation import Evaluation, evaluate
from cnnlib.training.freezing import freeze, parameter_groups, training_mode, unfreeze
from cnnlib.training.loop import EpochRow, fit
from cnnlib.training.rate_finder import RateSearch, find_learning_rate
from cnnlib.training.schedules import constant, cosine, one_cycle, step_decay, warm_up

__all__ = [
    "EpochRow", "Evaluation", "RateSearch", "constant", "cosine", "evaluate", "find_learning_rate", "fit", "freeze",
    "one_cycle", "parameter_groups", "step_decay", "training_mode", "unfreeze", "warm_up",
]
