"""What the website needs beyond Jupyter Book: widgets without a kernel, only used assets, no stale pages."""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # for tools/, which the extension shares with the command line

from cnn_book import anchors, assets, freshness, katex, launch, progress, search, styles, topics, widgets  # noqa: E402


def setup(app):
    """Connect the parts to Sphinx; the order of the page handlers is the order in which they change a page."""
    katex.use_patiently()
    app.connect("config-inited", freshness.name_cache, priority=100)
    app.connect("env-get-outdated", freshness.outdated)
    app.connect("source-read", topics.fill)
    app.connect("html-page-context", widgets.replace_widgets, priority=900)
    app.connect("html-page-context", launch.add_buttons, priority=910)
    app.connect("html-page-context", assets.move_pictures, priority=920)
    app.connect("html-page-context", assets.mend, priority=930)
    app.connect("html-page-context", assets.drop_unused, priority=999)
    app.connect("html-page-context", progress.add_mark, priority=940)
    app.connect("build-finished", progress.finish, priority=850)
    app.add_js_file("progress.mjs", type="module")
    anchors.use_readable()
    app.connect("html-page-context", anchors.name_terms, priority=940)
    app.connect("builder-inited", search.turn_off)
    app.connect("html-collect-pages", search.add_page)
    app.connect("html-page-context", search.add_mark, priority=940)
    app.connect("build-finished", search.finish, priority=860)
    app.add_js_file("search.mjs", type="module")
    app.connect("build-finished", styles.join_styles, priority=900)  # after Furo has written the dark colors of code
    app.add_css_file("site.css")
    return {"parallel_read_safe": True, "parallel_write_safe": False}
