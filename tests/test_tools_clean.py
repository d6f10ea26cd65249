"""The cleaner: what it keeps, what it refuses, and that it never leaves half a file."""
import json
import os
import stat

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

from tools import clean
from tools.clean import CleanError, main, process, read


def notebook(*cells):
    """Return a notebook of a title and these cells, with what Jupyter adds to its metadata."""
    metadata = {**clean.METADATA, "language_info": {"name": "python", "version": "3.14.0"}, "widgets": {"state": {}}}
    return new_notebook(cells=[new_markdown_cell("# Title", id="title"), *cells], metadata=metadata)


def save(folder, *cells):
    """Write such a notebook and return its path."""
    path = folder / "a.ipynb"
    path.write_text(writes(notebook(*cells)), encoding="utf-8")
    return path


def printed(*texts, name="stdout"):
    """Return stream outputs."""
    return [new_output("stream", name=name, text=text) for text in texts]


KEPT = {"tags": ["keep_output"], "collapsed": True}


def test_keeps_the_text_of_tagged_cells_and_nothing_else(tmp_path):
    result = new_output("execute_result", data={"text/plain": "2"}, metadata={"x": 1}, execution_count=9)
    path = save(tmp_path,
                new_code_cell("print(1)", id="plain-run", outputs=printed("1\n"), execution_count=7),
                new_code_cell("...", id="kept-run", metadata=KEPT, outputs=[*printed("a", "b\n"), result],
                              execution_count=9),
                new_code_cell("Quiz([])", id="quiz", metadata={"jupyter": {"source_hidden": True, "x": 1}, "tags": []}))
    assert process(path) == ["plain-run", "kept-run", "quiz"]
    _, plain, kept, quiz = (cells := read(path)).cells
    assert (plain.outputs, plain.execution_count, plain.metadata) == ([], None, {})
    assert kept.metadata == {"tags": ["keep_output"]} and kept.execution_count == 2
    assert kept.outputs == [*printed("ab\n"), new_output("execute_result", data={"text/plain": "2"}, execution_count=2)]
    assert quiz.metadata == {"jupyter": {"source_hidden": True}}
    assert cells.metadata == clean.METADATA


def test_a_clean_notebook_is_not_written_again(tmp_path):
    path = save(tmp_path, new_code_cell("1", id="one-run"))
    assert process(path)
    before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino
    assert process(path) == []
    assert before == (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)


def test_check_says_what_would_change_and_changes_nothing(tmp_path, capsys):
    path = save(tmp_path, new_code_cell("1", id="one-run", execution_count=3))
    before = path.read_bytes()
    assert main(["--check", str(path)]) == 1
    assert capsys.readouterr().out == f"{path}: would change: one-run\n"
    assert path.read_bytes() == before
    assert main([str(path)]) == 0 and main(["--check", str(path)]) == 0


BROKEN = [b"", b"{", b"[]", b"{}", b"null", b'{"cells": 1, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
          b'{"cells": [{}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
          b'{"cells": [], "metadata": {}, "nbformat": 3, "nbformat_minor": 0}', b"\xff\xfe{\x00}\x00",
          b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> main\n"]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_what_it_cannot_parse_stays_byte_for_byte(tmp_path, capsys, content):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)
    assert main([str(path)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith(f"{path}: not a notebook of format 4.5") and said.err.count("\n") == 1
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["broken.ipynb"]


def test_a_file_that_is_not_there_is_one_line_and_the_others_are_cleaned(tmp_path, capsys):
    path = save(tmp_path, new_code_cell("1", id="one-run", execution_count=3))
    assert main([str(tmp_path / "gone.ipynb"), str(path)]) == 1
    said = capsys.readouterr()
    assert said.err == f"{tmp_path / 'gone.ipynb'}: No such file or directory\n" and "one-run" in said.out


@pytest.mark.parametrize(("name", "reason"), [
    (None, "an id is missing"), ("title", "an id must be used once, got title again"),
    ("8d3f2a10", "an id must be words such as stride-run, got 8d3f2a10"),
    ("decafbad", "an id must be words such as stride-run, got decafbad"),
    ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "an id must be words such as stride-run, got f47ac10b-58cc-"),
    ("dIj3kF9sLq2X", "an id must be words such as stride-run, got dIj3kF9sLq2X"),
    ("stride_run", "an id must be words such as stride-run, got stride_run")])
def test_ids_must_be_words(tmp_path, capsys, name, reason):
    path = tmp_path / "a.ipynb"
    content = json.loads(writes(notebook(new_code_cell("1", id="ok"))))
    content["cells"][1]["id"] = name
    if name is None:
        del content["cells"][1]["id"]
    path.write_text(json.dumps(content), encoding="utf-8")
    before = path.read_bytes()
    assert main([str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"{path} [cell 1]: {reason}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["stride-run", "v1", "conv2d-v5-time", "facade", "a1b2c3"])
def test_words_are_accepted_as_ids(name):
    assert clean.problems(notebook(new_code_cell("1", id=name))) == []


@pytest.mark.parametrize(("outputs", "kind"), [
    (printed("careful", name="stderr"), "stderr"),
    ([new_output("display_data", data={"text/plain": "x", "image/png": "aGk="})], "image/png"),
    ([new_output("error", ename="E", evalue="", traceback=[])], "error")])
def test_only_text_can_be_kept(tmp_path, outputs, kind):
    path = save(tmp_path, new_code_cell("x", id="kept-run", metadata=KEPT, outputs=outputs, execution_count=1))
    with pytest.raises(CleanError, match=rf"\[kept-run\]: a keep_output cell must show text only, got {kind}$"):
        process(path)


@pytest.mark.parametrize("failing", ["os.replace", "os.fsync", "os.chmod"])
def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, failing):
    path = save(tmp_path, new_code_cell("1", id="one-run", execution_count=3))
    before = path.read_bytes()

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(failing, fail)
    with pytest.raises(CleanError, match=r"a.ipynb: No space left on device$"):
        process(path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.ipynb"]


def test_mode_and_link_are_kept(tmp_path):
    path = save(tmp_path, new_code_cell("1", id="one-run", execution_count=3))
    path.chmod(0o640)
    link = tmp_path / "link.ipynb"
    link.symlink_to("a.ipynb")
    assert process(link) == ["one-run"]
    assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert process(path) == []


def test_run_stores_outputs_in_the_notebooks_folder(tmp_path):
    (tmp_path / "here.txt").write_text("here")
    path = save(tmp_path, new_code_cell("print(open('here.txt').read())\n6 * 7", id="kept-run", metadata=KEPT),
                new_code_cell("print('not kept')", id="plain-run"))
    assert process(path, execute=True) == ["kept-run"]
    kept, plain = read(path).cells[1:]
    assert kept.outputs[0].text == "here\n" and kept.outputs[1].data == {"text/plain": "42"}
    assert (kept.execution_count, plain.outputs) == (1, [])
    assert process(path, execute=True, check=True) == []


@pytest.mark.parametrize(("code", "reason"), [
    ("x = 1\nraise KeyError('the key\\nsecond line')", "KeyError: 'the key\\nsecond line'"),
    ("raise ValueError('first\\nsecond')", "ValueError: first"),
    ("import os\nos._exit(3)", "DeadKernelError: the cell ended the kernel")])
def test_a_cell_that_fails_is_one_line_and_the_file_stays(tmp_path, capsys, code, reason):
    path = save(tmp_path, new_code_cell("1", id="fine-run"), new_code_cell(code, id="bad-run"))
    before = path.read_bytes()
    assert main(["--run", str(path)]) == 1
    assert capsys.readouterr().err == f"{path} [bad-run]: {reason}\n"
    assert path.read_bytes() == before


def test_a_cell_that_takes_too_long_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(clean, "TIMEOUT", 1)
    path = save(tmp_path, new_code_cell("import time\ntime.sleep(30)", id="slow-run"))
    with pytest.raises(CleanError, match=r"\[slow-run\]: TimeoutError: the cell ran longer than 1 seconds$"):
        process(path, execute=True)


@pytest.mark.parametrize(("key", "value"), [
    ("api_key", "x"), ("AuthToken", "x"), ("x", {"deep": [{"password": "x"}]}), ("tags", ["ghp_" + 36 * "a"]),
    ("nbgrader", {"grade_id": "-----BEGIN RSA PRIVATE KEY-----"})])
@pytest.mark.parametrize("place", ["notebook", "cell"])
def test_a_secret_in_metadata_is_refused_unread(tmp_path, capsys, key, value, place):
    cell = new_code_cell("1", id="one-run", metadata={key: value} if place == "cell" else {})
    path = save(tmp_path, cell)
    if place == "notebook":
        content = json.loads(path.read_text())
        content["metadata"][key] = value
        path.write_text(json.dumps(content))
    before = path.read_bytes()
    assert main([str(path)]) == 1 and path.read_bytes() == before
    said = capsys.readouterr().err
    assert f"[{'one-run' if place == 'cell' else 'metadata'}]: " in said and "must hold no secret" in said
    assert 36 * "a" not in said


def test_a_token_in_a_cell_is_refused_and_words_about_tokens_are_not(tmp_path, capsys):
    path = save(tmp_path, new_code_cell("tokens = 'sk-learn', 'secret'", id="one-run", metadata={"token": ""}))
    assert main([str(path)]) == 0
    key = "AKIA" + 16 * "Q"
    path = save(tmp_path, new_code_cell(f"key = '{key}'", id="one-run"))
    assert main([str(path)]) == 1 and key not in capsys.readouterr().err
