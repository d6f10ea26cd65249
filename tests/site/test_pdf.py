"""The book on paper: each chapter and the whole, with their headings, pictures and links to the website."""
import pytest
from pypdf import PdfReader

from tools.outline import chapters
from tools.pdf import for_paper, print_book
from tools.project import ROOT

ADDRESS = "https://someone.github.io/book"
PAGES = ["book/index", "notebooks/04_pooling_layers"]


@pytest.fixture(scope="module")
def files(browser, site, tmp_path_factory):
    """Return what was printed of a chapter, and of a page and the chapter together."""
    lines = []
    paths = print_book(browser, site, tmp_path_factory.mktemp("pdf"), pages=PAGES, address=ADDRESS, say=lines.append)
    assert [path.name for path in paths] == ["04_pooling_layers.pdf", "book.pdf"]
    chapter, book = map(PdfReader, paths)
    index = len(book.pages) - len(chapter.pages)
    assert index > 0 and lines == [f"{PAGES[0]}: {index} pages", f"{PAGES[1]}: {len(chapter.pages)} pages"]
    return chapter, book


def words(file):
    """Return the text of a file in one line."""
    return " ".join(" ".join(page.extract_text() for page in file.pages).split())


def links(file):
    """Return the addresses to which a file's links lead."""
    found = (each.get_object() for page in file.pages for each in page.get("/Annots", []))
    return {each["/A"]["/URI"] for each in found if "/URI" in each.get("/A", {})}


def test_a_printed_page_has_the_text_and_no_controls(files):
    chapter, book = map(words, files)
    assert "A book you can drag" in book and "5 × 5 in, 3 × 3 out" in book  # the widget's default picture
    assert "Pooling layers" in chapter and "Summary" in chapter and len(files[0].pages) > 10
    for text in (chapter, book):
        assert "Skip to content" not in text and "▶ Play" not in text and "Download notebook" not in text


def test_links_lead_to_the_website(files):
    book = links(files[1])
    assert f"{ADDRESS}/notebooks/02_convolution_math.html" in book
    assert f"{ADDRESS}/book/index.html" in book  # under the widget: it moves there
    assert not [link for file in files for link in links(file) if "127.0.0.1" in link]


def test_the_whole_book_has_an_outline_of_its_pages(files):
    chapter, book = files
    assert chapter.trailer["/Root"]["/MarkInfo"]["/Marked"]
    titles = [each.title for each in book.outline if not isinstance(each, list)]
    assert titles == ["Convolutional Networks, Hands On", "Pooling layers"]


def test_without_an_address_links_to_other_pages_are_words():
    page = '<div class="cnn-widget"></div><a href="b.html">b</a><a href="#c">c</a><a href="https://d.e">d</a>'
    assert for_paper(page, "") == ('<div class="cnn-widget"></div><a data-href>b</a><a href="#c">c</a>'
                                   '<a href="https://d.e">d</a>')
    assert for_paper(page, "https://x.y/book/a.html").count("https://x.y/book/b.html") == 1


def test_every_page_of_the_contents_is_in_the_book():
    pages = chapters()
    assert pages[0] == "book/index" and {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= {
        *pages} and len(pages) == len({*pages})
