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
print("in", flush=True)
print("pieces", flush=True)
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
    text = (sites[0] / "notebooks" / "small.html").read_text()
    assert text.count('"cnn-widget"') == 2 and text.count('class="output stream') == 1 and "in\npieces\n" in text
    return compare(*sites)  # what the kernel sends in pieces is one block: when it sends them depends on the clock


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


def test_pictures_of_measured_times_may_differ_and_nothing_else_on_their_page(tmp_path):
    page, picture = "notebooks/03_convolution_from_scratch.html", '<p>{}</p><img src="../_images/{}.webp" alt="{}">'
    cases = {"Measured times": [], "An area, unmeasured": ["_images/a1.webp", "_images/b2.webp", page]}
    for alt, differing in cases.items():
        for site, name in (("one", "a1"), ("other", "b2")):
            for file, text in ((page, picture.format("same", name, alt)), (f"_images/{name}.webp", name)):
                (tmp_path / site / file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / site / file).write_text(text)
        lines = compare(tmp_path / "one", tmp_path / "other")[1]
        assert [line.partition(": ")[0] for line in lines] == differing, alt
    (tmp_path / "one" / page).write_text(picture.format("changed", "a1", "Measured times"))
    (tmp_path / "other" / page).write_text(picture.format("same", "b2", "Measured times"))
    [line] = compare(tmp_path / "one", tmp_path / "other")[1]
    assert line.startswith(f"{page}: at byte 3: 'changed</p>")


def test_the_sources_are_copied_as_they_are_without_what_git_ignores(tmp_path):
    copy_sources(ROOT, tmp_path / "copy")
    assert (tmp_path / "copy" / "_toc.yml").read_bytes() == (ROOT / "_toc.yml").read_bytes()
    assert not (tmp_path / "copy" / "_build").exists() and not (tmp_path / "copy" / ".venv").exists()
