"""Two builds of the same sources give the same bytes, and what differs is named."""
from tests.site.small import make_book, write_notebook
from tools.project import ROOT
from tools.reproduce import build_in, compare, copy_sources, main

CODE = """\
import sys
sys.path.insert(0, "..")
import matplotlib.pyplot as plt
from IPython.display import display
from cnnlib.widgets import ConvolutionExplorer, KernelGallery
print("kept")
plt.plot([1, 2])
plt.show()
display(ConvolutionExplorer())
KernelGallery()
"""


def build_twice(folder, code):
    """Return what differs between two builds of a small book, each in a folder of its own."""
    sites = []
    for seed, name in enumerate(("one", "the_other"), 1):
        (folder / name).mkdir()
        make_book(folder / name)
        write_notebook(folder / name, code, title="# Small\n\nA formula $x^2$.")
        sites.append(build_in(folder / name, seed))
    assert (sites[0] / "notebooks" / "small.html").read_text().count('"cnn-widget"') == 2
    return compare(*sites)


def test_two_builds_give_the_same_bytes(tmp_path):
    count, lines = build_twice(tmp_path, CODE)
    assert count > 50 and lines == []


def test_each_file_that_differs_is_named(tmp_path):
    files = {"one": {"same": "1", "differs": "at 10:31", "only.html": "", "pdf/book.pdf": "1"},
             "other": {"same": "1", "differs": "at 10:45", "added.html": "", "pdf/book.pdf": "2"}}
    for site, contents in files.items():
        for name, text in contents.items():
            (tmp_path / site / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / site / name).write_text(text)
    one, other = tmp_path / "one", tmp_path / "other"
    assert compare(one, other) == (4, [f"added.html: is not in {one}", "differs: at byte 6: '31' and '45'",
                                       f"only.html: is not in {other}"])
    assert main([str(one), str(other)]) == 1 and main([str(one), str(one)]) == 0
    assert main([str(one)]) == f"reproduce: needs two sites or nothing, got {one}"


def test_the_sources_are_copied_as_they_are_without_what_git_ignores(tmp_path):
    copy_sources(ROOT, tmp_path / "copy")
    assert (tmp_path / "copy" / "_toc.yml").read_bytes() == (ROOT / "_toc.yml").read_bytes()
    assert not (tmp_path / "copy" / "_build").exists() and not (tmp_path / "copy" / ".venv").exists()
