"""The training loop: steps, schedule, validation, checkpoints, early stopping."""
import math
from contextlib import nullcontext
from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from cnnlib._arguments import above_zero, flag, whole
from cnnlib.training.batches import begin, cards, generators, loader
from cnnlib.training.checkpoint import Checkpoint
from cnnlib.training.distributed import Team
from cnnlib.training.evaluation import evaluate, scores_of
from cnnlib.training.freezing import training_mode
from cnnlib.training.schedules import constant


@dataclass(frozen=True, kw_only=True)
class EpochRow:
    """What one epoch came to.

    Attributes:
        epoch: counted from 1.
        loss: mean over the training examples, while the weights moved.
        accuracy: of the same, a fraction of 1; None where the targets are no classes of whole images.
        validation_loss: None without validation data.
        validation_accuracy: a fraction of 1, None without validation data.
        lr: the first group's learning rate in the last step.
    """

    epoch: int
    loss: float
    accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    lr: float


def fit(model, train, *, epochs, validation=None, lr=0.01, optimizer=None, schedule=None, loss=None, mix=None,
        batch_size=32, drop_last=False, checkpoint=None, resume=False, patience=None, device=None,
        progress=True, seed=0):
    """Train a network; the same seed gives the same weights, also when the training was stopped and resumed.

    Args:
        model: a network from (N, C, H, W) to scores (N, classes), or to a named tuple whose ``logits`` they are; with
            a loss of its own it may return what that loss takes. It is moved to the device and trained in place.
            Frozen batch norms stay in evaluation mode.
        train: a dataset of (input, label), a pair (inputs, labels), or a DataLoader (under torchrun one that shares
            the examples out itself). With a loss of its own a label may be any tensor, such as a mask.
        epochs: how often every example is seen.
        validation: labeled images, judged after each epoch; with them the best weights come back in the model.
        lr: the learning rate, if no optimizer is given: SGD with momentum 0.9 over the parameters that learn.
        optimizer: a ``torch.optim`` optimizer over the model's parameters.
        schedule: a function (step, steps) -> factor on all learning rates, see ``schedules``; None: constant.
        loss: a function (what the model returns, labels) -> mean loss; None: cross-entropy.
        mix: a function on the arrays of each batch, such as ``MixUp``: (inputs, labels) -> (inputs, shares of the
            classes, (N, classes)); None: batches stay as they are.
        batch_size: examples a step, all processes together.
        drop_last: leave out a last batch that is not full.
        checkpoint: a folder for the last two states and the best weights, or None.
        resume: go on from the folder's last whole state, if there is one.
        patience: stop after so many epochs without a lower validation loss; None: never.
        device: None: a GPU if there is one (with mixed precision), else the CPU.
        progress: show a progress bar.
        seed: of the order of the examples and everything random inside the model. The generators of random transforms
            go on where they are; checkpoints keep their states.

    Returns:
        A list with an EpochRow for each epoch, those before a resumption included.

    Raises:
        ValueError: an argument does not fit, data are empty, the loss is not finite, a batch of one image meets batch
            norm, or no whole state is left to resume from.

    >>> inputs, labels = torch.eye(4), torch.tensor([0, 1, 0, 1])
    >>> fit(torch.nn.Linear(4, 2), (inputs, labels), epochs=20, lr=1.0, progress=False)[-1].accuracy
    1.0
    """
    run = _Run(model, train, validation, epochs=epochs, lr=lr, optimizer=optimizer, schedule=schedule or constant(),
               loss=loss or functional.cross_entropy, mix=mix, checkpoint=checkpoint, patience=patience, seed=seed,
               batching={"batch_size": batch_size, "drop_last": flag("fit", "drop_last", drop_last)},
               progress=flag("fit", "progress", progress), resume=flag("fit", "resume", resume))
    with Team(device) as team, torch.random.fork_rng(cards(team.device)):
        return run.train(team)


class _Run:
    """One call of fit: what it was given, checked, and where it stands."""

    def __init__(self, model, train, validation, *, batching, checkpoint, patience, **given):
        self.__dict__.update(given)
        self.model, self.data, self.validation, self.batching = model, train, validation, batching
        self.epochs = whole("fit", "epochs", self.epochs, least=1)
        self.seed = whole("fit", "seed", self.seed, least=0)
        self.patience = None if patience is None else whole("fit", "patience", patience, least=1)
        self.folder = None if checkpoint is None else Checkpoint(checkpoint)
        if self.patience and validation is None:
            raise ValueError(f"fit: patience needs validation data, got patience={patience} without")
        if self.resume and self.folder is None:
            raise ValueError("fit: resume needs a checkpoint folder, got None")
        if self.optimizer is None:
            above_zero("fit", "lr", self.lr)
            if not any(p.requires_grad for p in model.parameters()):
                raise ValueError("fit: the model must have parameters that learn, got none")
        loader("fit", "train", train, **batching)
        if self.mix is not None and not callable(self.mix):
            raise ValueError(f"fit: mix must be a function on batches or None, got {self.mix!r}")
        self.generators = generators((train, self.mix))
        self.rows, self.best, self.step = [], None, 0

    def train(self, team):
        """Run all epochs that are left."""
        self.device = team.device
        self.model.to(self.device)
        self.optimizer = self.optimizer or torch.optim.SGD(
            [p for p in self.model.parameters() if p.requires_grad], lr=self.lr, momentum=0.9)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.scaler = torch.amp.GradScaler(enabled=self.device.type == "cuda")
        self._resume()
        team_model = team.wrap(self.model)
        order = {"seed": self.seed, "rank": team.rank, "world": team.size, **self.batching}
        self.batches = loader("fit", "train", self.data, **order)
        steps = self.epochs * len(self.batches)
        self.step = len(self.rows) * len(self.batches)
        try:
            while len(self.rows) < self.epochs and not self._waited():
                self._epoch(team_model, team, steps)
                if team.leads:
                    self._save()
        finally:
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate  # the schedule's last factor is not the optimizer's rate
        if self.best is not None:
            self.model.load_state_dict(self.best)
        return self.rows

    def _epoch(self, team_model, team, steps):
        epoch = len(self.rows)
        torch.manual_seed((self.seed * 1_000_003 + epoch) * team.size + team.rank)  # other dropout in each process
        begin(self.batches, epoch)
        training_mode(team_model)
        sums = [0.0, 0.0, 0.0]  # of loss, right answers and examples
        bar = tqdm(self.batches, desc=f"epoch {epoch + 1}/{self.epochs}", disable=not (self.progress and team.leads),
                   leave=False)
        for x, y in bar:
            if self.mix is not None:
                x, y = (torch.as_tensor(each) for each in self.mix(np.asarray(x), np.asarray(y)))
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * self.schedule(self.step, steps)
            value, right = self._step(team_model, x.to(self.device), y.to(self.device), team)
            sums = [a + b for a, b in zip(sums, (value * len(y), right, len(y)), strict=True)]
            self.step += 1
        total, right, count = team.total(*sums)
        judged = self._judge(team)
        self.rows.append(EpochRow(
            epoch=epoch + 1, loss=total / count, accuracy=right / count if self.classifies else None,
            lr=self.optimizer.param_groups[0]["lr"], validation_loss=judged[0], validation_accuracy=judged[1]))
        if self._best_yet():
            self.best = {key: value.detach().cpu().clone() for key, value in self.model.state_dict().items()}

    def _judge(self, team):
        """Return loss and accuracy on the validation data, the same in every process."""
        if self.validation is None:
            return None, None
        team.share_buffers(self.model)
        judged = evaluate(self.model, self.validation, device=self.device)
        return team.leaders(judged.loss, judged.accuracy)

    def _step(self, team_model, x, y, team):
        """Return the loss and the number of right answers of this process's share, after the weights have moved."""
        with torch.autocast("cuda") if self.device.type == "cuda" else nullcontext():
            scores = _scores(team_model, x)
            value = self.loss(scores, y)
        number = value.item()
        if not math.isfinite(number):
            raise ValueError(f"fit: loss must stay finite, got {number} in epoch {len(self.rows) + 1}, step "
                             f"{self.step}, at lr {self.optimizer.param_groups[0]['lr']:g}")
        share = len(y) * team.size / team.total(len(y))[0]  # shares of the last batch may differ in size
        self.optimizer.zero_grad()
        self.scaler.scale(value * share).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.classifies = scores.ndim == 2 and y.ndim < 3
        return number, int((scores.argmax(1) == (y if y.ndim == 1 else y.argmax(1))).sum()) if self.classifies else 0

    def _best_yet(self):
        """Whether no epoch had a lower validation loss than the last one."""
        losses = [row.validation_loss for row in self.rows]
        return self.validation is not None and losses[-1] == min(losses)

    def _waited(self):
        """Whether the validation loss has not fallen for as long as patience lasts."""
        losses = [row.validation_loss for row in self.rows]
        return bool(self.patience and losses and len(losses) - 1 - losses.index(min(losses)) >= self.patience)

    def _save(self):
        if self.folder is None:
            return
        if self._best_yet():
            self.folder.save_best(self.best)
        self.folder.save({
            "epoch": len(self.rows), "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(), "rates": self.rates, "rows": [asdict(row) for row in self.rows],
            "best": self.best, "given": self._given(),
            "generators": [each.bit_generator.state for each in self.generators]})

    def _given(self):
        """Return what has to be the same in a run that goes on; epochs may be more or fewer."""
        return {"seed": self.seed, **self.batching}

    def _resume(self):
        state = self.folder.load() if self.resume else None
        if state is None:
            return
        for name, value in self._given().items():
            if state["given"][name] != value:
                raise ValueError(f"fit: {name} must be that of the checkpoint, {state['given'][name]}, got {value}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.rates, self.best = state["rates"], state["best"]
        self.rows = [EpochRow(**row) for row in state["rows"]]
        for each, before in zip(self.generators, state["generators"], strict=True):
            each.bit_generator.state = before


def _scores(model, x):
    """Return the scores, or say what a batch of one image lacks."""
    try:
        out = model(x)
    except ValueError as error:
        if "more than 1 value per channel" in str(error):
            raise ValueError("fit: a batch needs more than one image for batch norm in training mode, got "
                             f"{len(x)}; use drop_last=True or another batch_size") from error
        raise
    return scores_of(out)
