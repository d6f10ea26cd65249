"""Ways to the book and out of it: lead to its first page, open a notebook elsewhere or take it, report a mistake.

PDF files are linked where the address is set: only then somebody prints them before the site is published.
"""
import zipfile
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

from cnn_book import ROOT
from tools.project import notebooks, repository_url, site_url

LEAD_ON = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={page}">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title></head>
<body><main><h1>{title}</h1><p><a href="{page}">To the first page</a></p></main></body></html>
"""
LOST = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">
<title>Not found: {title}</title></head>
<body><main><h1>There is no such page</h1>
<p>It may have moved. The <a href="{page}">first page of {title}</a> leads to all others.</p></main></body></html>
"""
BUNDLE = "notebooks.zip"
DATE = (1980, 1, 1, 0, 0, 0)  # the same notebooks give the same bytes


def add_buttons(app, pagename, templatename, context, doctree):
    """Put links under the title of a notebook's page, and one for mistakes at the end and at the side of every page."""
    if "body" not in context or not doctree:
        return
    address, pathto = repository_url(), context["pathto"]
    if pagename.startswith("notebooks/"):
        context["body"] = context["body"].replace("</h1>", f"</h1>{buttons(address, pagename, pathto)}", 1)
    if address:
        context["cnn_report"] = report_link(address, pagename)  # for the side, by the template
        context["body"] += context["cnn_report"] + (
            f'<script type="module" fetchpriority="low" src="{pathto("_static/report.mjs", 1)}"></script>')


def buttons(address, pagename, pathto):
    """Return the links as HTML; those that open the notebook elsewhere need the repository's address."""
    files = {"Download notebook": f"_sources/{pagename}.ipynb", "All notebooks (zip)": f"_static/{BUNDLE}"}
    if address:
        files |= {"PDF": f"pdf/{pagename.split('/')[-1]}.pdf", "Whole book (PDF)": "pdf/book.pdf"}
    links = [f'<a href="{pathto(file, 1)}" download="">{text}</a>' for text, file in files.items()]
    return f'<p class="cnn-launch">{" ".join([*elsewhere(address, pagename), *links])}</p>'


def elsewhere(address, pagename):
    """Return the links that open a notebook on other machines."""
    if not address:
        return []
    path = address.removeprefix("https://github.com/").strip("/").removesuffix(".git")
    file, binder = f"{pagename}.ipynb", f"https://mybinder.org/v2/gh/{path}/main?urlpath="
    targets = {"Open in Colab": f"https://colab.research.google.com/github/{path}/blob/main/{file}",
               "Open in Binder": f"{binder}{quote(f'notebooks/{file}', safe='')}",
               "Open in JupyterLab": f"{binder}{quote(f'lab/tree/{file}', safe='')}"}
    return [f'<a href="{escape(target)}">{text}</a>' for text, target in targets.items()]


def report_link(address, pagename):
    """Return a link to a new issue that names the page; report.mjs adds the section when it is pressed."""
    target = f"{address}/issues/new?{urlencode({'title': f'Mistake in {pagename}', 'body': f'Page: {pagename}'})}"
    return f'<p class="cnn-report"><a href="{escape(target)}">Report a mistake on this page</a></p>'


def lead_on(app):
    """Write the page at the site's own address: it leads to the first one of the book."""
    page = LEAD_ON.format(title=escape(app.config.html_title), page=f"{app.config.root_doc}.html")
    (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def say_lost(app):
    """Write the page that servers show for an address that leads nowhere; it may stand in for one in any folder."""
    page = LOST.format(title=escape(app.config.html_title), page=f"{site_url()}/{app.config.root_doc}.html")
    (Path(app.outdir) / "404.html").write_text(page, encoding="utf-8")


def bundle_notebooks(app):
    """Write all notebooks, as they are in the repository, into one zip."""
    with zipfile.ZipFile(Path(app.outdir) / "_static" / BUNDLE, "w") as bundle:
        for path in [*notebooks(), ROOT / "requirements.txt"]:
            entry = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), DATE)
            bundle.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
