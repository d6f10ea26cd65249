"""Buttons that open a notebook elsewhere; they are there once the repository's address is set."""
from html import escape

from tools.project import repository_url


def add_buttons(app, pagename, templatename, context, doctree):
    """Put Colab and download links under the title of a notebook's page, when the repository has an address."""
    address = repository_url()
    if not address or not pagename.startswith("notebooks/") or "body" not in context:
        return
    context["body"] = context["body"].replace("</h1>", f"</h1>{buttons(address, pagename, context['pathto'])}", 1)


def buttons(address, pagename, pathto):
    """Return the links as HTML."""
    path = address.removeprefix("https://github.com/").strip("/").removesuffix(".git")
    colab = f"https://colab.research.google.com/github/{path}/blob/main/{pagename}.ipynb"
    source = pathto(f"_sources/{pagename}.ipynb", 1)
    return (f'<p class="cnn-launch"><a href="{escape(colab)}">Open in Colab</a> '
            f'<a href="{escape(source)}" download>Download notebook</a></p>')
