"""What search engines and chats show of a page: its description, and where the site has an address, its picture."""
import re
import textwrap
from html import escape
from pathlib import Path

from docutils import nodes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tools.project import metadata, site_url

LONGEST = 160  # characters of a description
SIZE = 1200, 630  # pixels, as Open Graph asks for
INK, PAPER, BLUE = "#1b1b1f", "#ffffff", "#2757b4"
SITEMAP = """\
<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{pages}</urlset>
"""
KERNEL = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))


def describe_page(app, pagename, templatename, context, doctree):
    """Put the description on the page, and where the site's address is set, its own address and picture."""
    title = re.sub("<[^>]*>", "", context.get("title") or "")
    tags = [_tag("name", "description", description(doctree) if doctree else metadata()["description"])]
    if (address := site_url()) and doctree:
        draw_card(title, app.config.html_title, Path(app.outdir) / "_static" / "cards" / card_name(pagename))
        tags += card_tags(address, pagename, title, app.config.html_title, description(doctree))
    context["metatags"] = context.get("metatags", "") + "\n" + "\n".join(tags)


def card_tags(address, pagename, title, book, text):
    """Return the page's address, and what a chat shows where the page is linked, as HTML."""
    link = f"{address}/{pagename}.html"
    properties = {"og:title": title, "og:description": text, "og:type": "article", "og:url": link,
                  "og:image": f"{address}/_static/cards/{card_name(pagename)}", "og:image:width": SIZE[0],
                  "og:image:height": SIZE[1], "og:site_name": book}
    return [f'<link rel="canonical" href="{escape(link)}">',
            *(_tag("property", *pair) for pair in properties.items()),
            _tag("name", "twitter:card", "summary_large_image")]


def _tag(kind, name, text):
    return f'<meta {kind}="{name}" content="{escape(str(text))}">'


def description(doctree):
    """Return the beginning of a page's text, whole words of it."""
    texts = (each.astext() for each in doctree.findall(nodes.paragraph) if not each.parent.tagname.startswith("table"))
    text = " ".join(next((text for text in texts if len(text) >= 40), metadata()["description"]).split())
    return textwrap.shorten(text, LONGEST, placeholder=" …")


def list_pages(app):
    """Write sitemap.xml and robots.txt where the site's address is set."""
    address, site = site_url(), Path(app.outdir)
    if not address:
        return
    links = [escape(f"{address}/{name}.html") for name in sorted(app.env.found_docs)]
    pages = "".join(f"<url><loc>{link}</loc></url>\n" for link in links)
    (site / "sitemap.xml").write_text(SITEMAP.format(pages=pages), encoding="utf-8")
    (site / "robots.txt").write_text(f"User-agent: *\nAllow: /\nSitemap: {address}/sitemap.xml\n", encoding="utf-8")


def card_name(pagename):
    """Return the name of a page's picture."""
    return f"{pagename.replace('/', '-')}.png"


def draw_card(title, book, path):
    """Draw a page's picture: its title, and a kernel on a map."""
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.text(0.06, 0.78, "\n".join(textwrap.wrap(title, 22)), fontsize=46, weight="bold", color=INK, va="top")
    figure.text(0.06, 0.1, book, fontsize=24, color=BLUE)
    axes = figure.add_axes((0.62, 0.12, 0.34, 0.76), xlim=(0, 7), ylim=(7, 0), aspect="equal")
    axes.axis("off")
    for row in range(7):
        for column in range(7):
            inside = 1 <= row < 4 and 2 <= column < 5
            axes.add_patch(Rectangle((column, row), 1, 1, facecolor=BLUE if inside else PAPER, edgecolor=INK))
            if inside:
                axes.text(column + 0.5, row + 0.5, f"{KERNEL[row - 1][column - 2]}", color=PAPER, fontsize=22,
                          ha="center", va="center")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
