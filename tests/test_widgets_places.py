"""Every widget stands where the list of widgets says that a reader finds it."""
import pytest

from tests.site.reader import WIDGETS
from tools.outline import page_cells, read_notebook
from tools.project import ROOT


def code(page):
    """Return the code of a page, which is a notebook or Markdown."""
    file = ROOT / page.replace(".html", ".ipynb")
    cells = read_notebook(file).cells if file.exists() else page_cells(
        file.with_suffix(".md").read_text(encoding="utf-8"))
    return "\n".join(cell.source for cell in cells if getattr(cell, "cell_type", "code") == "code")


@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_is_on_its_page(name):
    page, _ = WIDGETS[name]
    assert f"{name}(" in code(page)


def test_a_widget_is_not_found_elsewhere():
    assert "KernelGallery(" not in code("notebooks/12_detection_segmentation_intro.html")
    assert "KernelGallery(" not in code("book/shape_calculator.html")
