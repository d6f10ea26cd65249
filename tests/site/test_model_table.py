"""The table of all networks in a browser: sorted by the reader, whole without a script."""
from cnnlib.models import list_models
from tests.site.reader import WIDE

PAGE = "book/model_table.html"
NAMES = "() => [...document.querySelectorAll('article tbody tr td:first-child')].map((cell) => cell.innerText.trim())"


def test_reader_sorts_the_networks_and_gets_the_order_of_the_book_back(new_page):
    page = new_page(PAGE, viewport={"width": 360, "height": 700})
    book = [row.name for row in list_models()]
    assert page.evaluate(NAMES) == book
    select = page.get_by_label("Order")
    select.focus()
    select.select_option("most parameters first")
    assert page.evaluate(NAMES) == [row.name for row in sorted(list_models(), key=lambda row: -row.parameters)]
    select.select_option("as in the book")
    assert page.evaluate(NAMES) == book


def test_table_is_whole_without_a_script(new_page):
    page = new_page(PAGE, java_script_enabled=False, viewport=WIDE)
    assert page.locator("article tbody tr").count() == len(list_models())
    assert page.locator(".cnn-sort").is_hidden()
    row = page.locator("article tbody tr", has_text="resnet50").first
    assert "25,557,032" in row.inner_text() and "He, Zhang, Ren & Sun (2016)" in row.inner_text()
