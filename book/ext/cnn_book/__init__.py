"""What the website needs beyond Jupyter Book: widgets without a kernel, only used assets, no stale pages."""
import sys
from functools import wraps
from pathlib import Path

from sphinx.errors import ExtensionError, SphinxError

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # for tools/, which the extension shares with the command line

from cnn_book import (  # noqa: E402
    anchors,
    assets,
    errata,
    fonts,
    formulas,
    freshness,
    glossary,
    katex,
    launch,
    marks,
    misconceptions,
    models,
    outline,
    policy,
    progress,
    search,
    sharing,
    streams,
    styles,
    topics,
    widgets,
)


def setup(app):
    """Connect the parts to Sphinx; the order of the page handlers is the order in which they change a page."""
    katex.use_patiently()
    anchors.use_readable()
    streams.use_whole()
    app.connect("config-inited", freshness.name_cache, priority=100)
    app.connect("builder-inited", search.turn_off)
    app.connect("env-get-outdated", freshness.outdated)
    for part in (topics, marks, errata, formulas, glossary, misconceptions, models):
        app.connect("source-read", named(part.fill))
    app.connect("html-collect-pages", search.add_page)
    app.connect("html-page-context", katex.refuse_errors)
    app.connect("html-page-context", named(models.add_script))
    app.connect("html-page-context", named(widgets.replace_widgets), priority=900)
    app.connect("html-page-context", named(glossary.add_words), priority=905)
    app.connect("html-page-context", named(launch.add_buttons), priority=910)
    app.connect("html-page-context", named(assets.move_pictures), priority=920)
    app.connect("html-page-context", named(assets.mend), priority=930)
    for handler in (sharing.describe_page, outline.add_marks, anchors.name_terms):
        app.connect("html-page-context", named(handler), priority=940)
    app.connect("html-page-context", named(assets.drop_unused), priority=999)
    for priority, step in (
            (100, launch.lead_on),  # before Jupyter Book puts a barer one there
            (500, launch.say_lost), (500, launch.bundle_notebooks), (500, sharing.list_pages),
            (850, progress.finish), (860, search.finish),
            (870, fonts.cut_fonts), (900, styles.join_styles),  # after Furo has written the dark colors of code
            (950, policy.guard_pages)):  # when nothing changes a page any more
        app.connect("build-finished", _with_a_site(step), priority=priority)
    for script in ("progress.mjs", "search.mjs", "tables.mjs", "places.mjs"):
        app.add_js_file(script, type="module", fetchpriority="low")  # text first
    app.add_css_file("site.css")
    return {"parallel_read_safe": True, "parallel_write_safe": False}


def named(step):
    """Return a step whose failure is one line with the page, if it has one, and the part of this package."""
    @wraps(step)
    def handler(app, *arguments):
        try:
            return step(app, *arguments)
        except SphinxError:
            raise  # it has words of its own
        except Exception as error:
            page = f"{arguments[0]}: " if arguments else ""
            reason = " ".join(str(error).split())
            part = step.__module__.rsplit(".", 1)[-1]
            raise ExtensionError(f"{page}{part} failed: {type(error).__name__}: {reason}") from error

    return handler


def _with_a_site(step):
    """Return a handler that takes the step only where a website was built."""
    def handler(app, exception):
        if exception is None and app.builder.name == "html":
            named(step)(app)

    return handler
