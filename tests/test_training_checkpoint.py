"""What stands in a checkpoint's folder, and in which order it came there."""
import os

import pytest
import torch

from cnnlib.training import fit
from cnnlib.training.checkpoint import Checkpoint
from tests.judge import refused
from tests.test_training_loop import damage, data, net, same


def test_a_folder_is_made_with_those_above_it(tmp_path):
    Checkpoint(tmp_path / "a" / "b").save({"epoch": 1})
    Checkpoint(tmp_path / "a" / "b").save({"epoch": 2})
    assert Checkpoint(tmp_path / "a" / "b").load() == {"epoch": 2}
    assert torch.load(tmp_path / "a" / "b" / "before.pt") == {"epoch": 1}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    refused(fit, f"fit: checkpoint must be a folder, got the file {str(tmp_path / 'file')!r}", net(), data(), epochs=1,
            checkpoint=tmp_path / "file")
    assert Checkpoint(tmp_path / "new").load() is None and not (tmp_path / "new").exists()


def test_a_state_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    done, sync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: done.append("on the disk") or sync(number))
    monkeypatch.setattr(os, "replace", lambda *names: done.append(names[1].name) or replace(*names))
    Checkpoint(tmp_path).save({"epoch": 1})
    Checkpoint(tmp_path).save({"epoch": 2})
    Checkpoint(tmp_path).save_best({})
    assert done == ["on the disk", "last.pt", "on the disk", "before.pt", "last.pt", "on the disk", "best.pt"]


def test_the_best_weights_are_those_that_come_back(tmp_path):
    x, y = data()
    model = net()
    rows = fit(model, (x, y), epochs=6, lr=0.1, validation=(x, (y + 1) % 3), checkpoint=tmp_path, progress=False)
    assert rows[-1].validation_loss > min(row.validation_loss for row in rows)
    best = net()
    best.load_state_dict(Checkpoint(tmp_path).load_best())
    assert same(model, best)


def test_a_broken_state_alone_is_an_error_without_a_warning(tmp_path):
    fit(net(), data(), epochs=1, progress=False, checkpoint=tmp_path)
    damage(tmp_path / "last.pt")
    with pytest.raises(ValueError, match=r"^fit: checkpoint must hold a whole state to resume from, got .*last\.pt: "):
        fit(net(), data(), epochs=2, progress=False, checkpoint=tmp_path, resume=True)
    torch.save([1], tmp_path / "last.pt")
    refused(Checkpoint(tmp_path).load, "fit: checkpoint must hold a whole state to resume from, got "
            f"{tmp_path / 'last.pt'}: it holds something else")


def test_wrong_data_are_refused_before_a_folder_is_touched(tmp_path):
    fit(net(), data(), epochs=2, progress=False, checkpoint=tmp_path)
    damage(tmp_path / "last.pt")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    refused(fit, "fit: train must be a dataset or a pair (inputs, labels), got int", net(), 5, epochs=3,
            checkpoint=tmp_path, resume=True)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
