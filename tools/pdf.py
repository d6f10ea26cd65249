"""Print the built website into PDF files in its folder pdf, each chapter and the whole book: ``python -m tools.pdf``.

Chromium prints each page without JavaScript: widgets stand there in their default picture. Links lead to the website
where it has an address; without one, links between the pages are plain words.
"""
import re
import sys
import tempfile
from html import escape
from pathlib import Path
from urllib.parse import urljoin

import pikepdf
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter

from tools.browser import FLAGS, chromium_path
from tools.outline import chapters
from tools.project import ROOT, site_url
from tools.serve import serving

MARGIN = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
PAPER = {"format": "A4", "print_background": True, "outline": True, "tagged": True, "margin": MARGIN,
         "display_header_footer": True, "header_template": "<span></span>"}
FOOTER = ('<p style="width:100%;margin:0 16mm;font-size:8px;text-align:right">TITLE · '
          '<span class="pageNumber"></span></p>')
BOOK = "book.pdf"


def print_book(browser, site, folder, *, pages=None, address=None, say=print):
    """Print pages of a site as one book, and each chapter among them by itself.

    Args:
        browser: a Chromium, as Playwright launches it.
        site: the folder of the built site.
        folder: gets ``<chapter>.pdf`` for each chapter and ``book.pdf``.
        pages: names of pages, as "notebooks/02_convolution_math"; all of the book's by default, in its order.
        address: the website's address; the one of pyproject.toml by default, "" for none.
        say: called with a line for each file.

    Returns:
        The paths of the files, the whole book's last.
    """
    pages, address = pages or chapters(ROOT), site_url() if address is None else address
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, serving(site) as local:
        printed = {name: Path(scratch) / f"{name.replace('/', '-')}.pdf" for name in pages}
        for name, path in printed.items():
            _print_page(browser, f"{local}/{name}.html", address and f"{address}/{name}.html", path)
            say(f"{name}: {len(PdfReader(path).pages)} pages")
        book = _join(printed.values(), Path(scratch) / BOOK)
        alone = [_squeeze(path, folder / f"{name.split('/')[-1]}.pdf") for name, path in printed.items()
                 if name.startswith("notebooks/")]
        return [*alone, _squeeze(book, folder / BOOK)]


def _print_page(browser, local, public, path):
    """Print one page; its links are written for the website before it is shown."""
    context = browser.new_context(java_script_enabled=False, color_scheme="light")
    page = context.new_page()
    page.route(local, lambda route: _for_paper(route, public))
    page.goto(local, wait_until="networkidle")
    page.pdf(path=path, footer_template=FOOTER.replace("TITLE", escape(page.title())), **PAPER)
    context.close()


def _for_paper(route, public):
    answer = route.fetch()
    route.fulfill(response=answer, body=for_paper(answer.text(), public))


def for_paper(text, public):
    """Return a page's text as it is printed.

    Args:
        text: the HTML.
        public: the page's address on the website, or "": links to other pages are plain words then.
    """
    def link(match):
        target = match[2]
        if target.startswith(("#", "http:", "https:", "mailto:")):
            return match[0]
        return f'{match[1]}href="{escape(urljoin(public, target))}"' if public else f"{match[1]}data-href"

    text = re.sub(r'(<a\b[^>]*?)href="([^"]*)"', link, text)
    text = re.sub(r' loading="lazy"', "", text)
    move = f'<p class="cnn-move"><a href="{escape(public)}">Move this on the website.</a></p>' if public else ""
    return re.sub(r'<div class="cnn-widget">', f'<div class="cnn-widget">{move}', text)


def _join(paths, target):
    """Join files into one whose outline names each, and return its path."""
    book = PdfWriter()
    for path in paths:
        book.append(path, outline_item=PdfReader(path).metadata.title.rsplit(" - ", 1)[0])
    book.compress_identical_objects()
    book.write(target)
    return target


def _squeeze(path, target):
    """Write a file again, packed as well as the format allows (Chromium does not), and return its new path."""
    pikepdf.settings.set_flate_compression_level(9)
    with pikepdf.open(path) as file:
        file.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True)
    return target


def main():
    """Print the site in _build/html into its folder pdf."""
    site = ROOT / "_build" / "html"
    if not (site / "book" / "index.html").is_file():
        return "pdf: the website must be built first, got none; run: make site"
    if chromium_path() is None:
        return "pdf: a Chromium must be here, got none; run: python -m tools.browser"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        *_, book = print_book(browser, site, site / "pdf")
        browser.close()
    print(f"The book is in {book}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
