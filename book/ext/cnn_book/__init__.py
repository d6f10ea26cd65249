"""What the website needs beyond Jupyter Book: widgets without a kernel, only used assets, no stale pages."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # for tools/, which the extension shares with the command line

from cnn_book import (  # noqa: E402
    anchors,
    assets,
    errata,
    formulas,
    freshness,
    katex,
    launch,
    marks,
    misconceptions,
    models,
    policy,
    progress,
    search,
    sharing,
    styles,
    topics,
    widgets,
)


def setup(app):
    """Connect the parts to Sphinx; the order of the page handlers is the order in which they change a page."""
    katex.use_patiently()
    anchors.use_readable()
    app.connect("config-inited", freshness.name_cache, priority=100)
    app.connect("builder-inited", search.turn_off)
    app.connect("env-get-outdated", freshness.outdated)
    for part in (topics, marks, errata, formulas, misconceptions, models):
        app.connect("source-read", part.fill)
    app.connect("html-collect-pages", search.add_page)
    app.connect("html-page-context", models.add_script)
    app.connect("html-page-context", widgets.replace_widgets, priority=900)
    app.connect("html-page-context", launch.add_buttons, priority=910)
    app.connect("html-page-context", assets.move_pictures, priority=920)
    app.connect("html-page-context", assets.mend, priority=930)
    for handler in (sharing.describe_page, progress.add_mark, anchors.name_terms, search.add_mark):
        app.connect("html-page-context", handler, priority=940)
    app.connect("html-page-context", assets.drop_unused, priority=999)
    app.connect("build-finished", launch.lead_on, priority=100)  # before Jupyter Book puts a barer one there
    app.connect("build-finished", launch.bundle_notebooks)
    app.connect("build-finished", sharing.list_pages)
    app.connect("build-finished", progress.finish, priority=850)
    app.connect("build-finished", search.finish, priority=860)
    app.connect("build-finished", styles.join_styles, priority=900)  # after Furo has written the dark colors of code
    app.connect("build-finished", policy.guard_pages, priority=950)  # when nothing changes a page any more
    for script in ("progress.mjs", "search.mjs"):
        app.add_js_file(script, type="module")
    app.add_css_file("site.css")
    return {"parallel_read_safe": True, "parallel_write_safe": False}
