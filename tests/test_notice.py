"""Everything in the repository that is neither code nor text of ours has its origin and license in one place."""
import subprocess

from tests.notice import NOTICE, patterns, unnamed
from tools.project import ROOT

OURS = (".py", ".mjs", ".css", ".html", ".md", ".ipynb", ".yml", ".yaml", ".toml", ".cff", ".bib", ".cfg", ".sh")
TEXTS = {"Makefile", "Dockerfile", "Caddyfile", "LICENSE", "LICENSE-TEXT", "NOTICE.txt", "OFL.txt", ".gitignore",
         "requirements.txt", "constraints.txt", "audit.txt", "package.json", "package-lock.json", "run", "page.html",
         "jupyter_server_config.json", "page_config.json"}
FILES = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def foreign(files):
    """Return the files that may come from elsewhere: no code or text by their ending and name, or beside KaTeX."""
    return [file for file in files if file.split("/")[-1] not in TEXTS
            and (not file.endswith(OURS) or file.startswith("book/static/katex/"))]


def test_every_such_file_is_named():
    assert len(foreign(FILES)) > 100
    assert unnamed(foreign(FILES), patterns(1)) == []


def test_a_new_picture_would_be_missed():
    assert unnamed(foreign([*FILES, "book/static/photo.jpg", "cnnlib/data/files/more.npz"]), patterns(1)) == [
        "book/static/photo.jpg", "cnnlib/data/files/more.npz"]


def test_no_line_speaks_of_nothing():
    assert [pattern for pattern in patterns(1) if len(unnamed(FILES, [pattern])) == len(FILES)] == []


def test_the_licenses_stand_there_whole():
    text = NOTICE.read_text(encoding="utf-8")
    for words in ("Permission is hereby granted, free of charge", "Redistributions in binary form must reproduce",
                  "Neither the name of the copyright holder", "Copyright (c) 2020 Pradyun Gedam"):
        assert words in text
    katex = ROOT / "book" / "static" / "katex"
    assert "SIL OPEN FONT LICENSE" in (katex / "OFL.txt").read_text(encoding="utf-8")
    assert "Khan Academy" in (katex / "LICENSE").read_text(encoding="utf-8")
    onnx = ROOT / "tests" / "oracles" / "onnx" / "LICENSE"
    assert "Apache License" in onnx.read_text(encoding="utf-8")
