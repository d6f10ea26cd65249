"""The Sphinx extension's own decisions; the built pages are tested in tests/site."""
import base64
import hashlib
import io
import json
import re
import subprocess
import sys
from html import unescape
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree
from zipfile import ZipFile

import ipywidgets
import numpy as np
import pytest
from docutils.core import publish_doctree
from PIL import Image
from sphinx.errors import ExtensionError

from cnnlib.widgets import ConvolutionExplorer
from tools.node import node_binary
from tools.project import ROOT, site_url

sys.path.insert(0, str(ROOT / "book" / "ext"))

import cnn_book
from cnn_book import assets, freshness, katex, launch, policy, sharing, streams, styles, topics, widgets


def stored_state(widget):
    """Return the state that a notebook stores: every model reachable from all open widgets."""
    return ipywidgets.Widget.get_manager_state()["state"], widget.model_id


def test_default_state_is_written_with_its_controls_and_picture(tmp_path):
    state, root = stored_state(ConvolutionExplorer(size=5, kernel_size=2, stride=2))
    page = widgets.compact(state, [root], tmp_path, "page")
    [html] = widgets.prerender(page, tmp_path, "page")
    assert html.count('type="range"') == 6 and html.count("<svg") == 2
    assert '<b data-value="output">2</b>' in html
    assert re.search(r'<span class="cnn-name">stride</span><input type="range"[^>]* value="2">', html)


def test_a_slider_hides_its_number_and_a_box_has_its_classes_where_ipywidgets_says_so(tmp_path):
    sliders = [ipywidgets.IntSlider(value=3, readout=readout) for readout in (True, False)]
    state, root = stored_state(ipywidgets.VBox([ipywidgets.HBox(sliders).add_class("cnn-close")]))
    page = widgets.compact(state, [root], tmp_path, "page")
    [html] = widgets.prerender(page, tmp_path, "page")
    assert html.startswith('<div class="cnn-column"><div class="cnn-row cnn-close"><label')
    assert re.findall('type="range"|class="cnn-value"', html) == ['type="range"', 'class="cnn-value"', 'type="range"']
    assert json.dumps(page["models"]).count("readout") == json.dumps(page["models"]).count("_dom_classes") == 1


def test_no_style_of_a_widget_looks_into_what_changes():
    """A selector with :has() costs a fifth of a millisecond at each move of any slider."""
    assert ":has(" not in widgets.STYLE.read_text(encoding="utf-8")


def test_page_has_no_field_before_its_widget_is_near():
    fields = ('<form class="cnn-question" novalidate><label for="a">A</label>'
              '<input type="radio" value="1"><input type="text" size="9">'
              '<button type="submit">Check</button></form>'
              '<select autocomplete="off"><option value="0">a &amp; b</option></select><input type="range" value="2">')
    waiting = widgets.without_fields(fields)
    assert not re.search("<(form|select|button|option|input type=.(text|radio))", waiting)
    assert 'type="range"' in waiting and widgets.without_fields('<input type="radio">') == '<input type="radio">'
    assert waiting.startswith('<div data-form class="cnn-question" data-novalidate><label data-for="a">A</label><span')
    assert waiting.count("</div>") == 1
    kept = [unescape(html) for html in re.findall('data-html="([^"]*)"', waiting)]
    assert kept == ['<input type="radio" value="1">', '<input type="text" size="9">',
                    '<button type="submit">Check</button>',
                    '<select autocomplete="off"><option value="0">a &amp; b</option></select>']


def test_page_state_is_small_and_every_link_is_kept(tmp_path):
    state, root = stored_state(ConvolutionExplorer())
    page = widgets.compact(state, [root], tmp_path, "page")
    text = json.dumps(page)
    assert len(text) < 3_000 and "function" not in text  # the script is a file
    view = next(name for name, model in page["models"].items() if model["kind"] == "View")
    linked = {(trait, other) for a, trait, b, other in page["links"] if view in (a, b)}
    assert ("value", "size") in linked and ("last_position", "max") in linked and len(page["links"]) == 9
    script = tmp_path / page["models"][view]["esm"]
    assert "export function draw" in script.read_text(encoding="utf-8")


def test_files_are_named_by_what_is_in_them(tmp_path):
    first, same, other = (widgets.write_hashed(tmp_path, "a.mjs", text) for text in ("x", "x", "y"))
    assert first == same != other and len(list(tmp_path.iterdir())) == 2


def test_unsupported_widget_fails_with_its_name(tmp_path):
    state, root = stored_state(ipywidgets.VBox([ipywidgets.ColorPicker()]))
    with pytest.raises(ExtensionError, match="chapter: the website cannot show the widget ColorPicker"):
        widgets.compact(state, [root], tmp_path, "chapter")


def test_a_view_that_throws_is_named_with_its_page_in_one_line(tmp_path):
    explorer = ConvolutionExplorer()
    state, root = stored_state(explorer)
    view = state[explorer.view.model_id]["state"]
    for script, reason in (("export function draw(state) { return state.gone.x; }", "TypeError: Cannot read prop"),
                           ("export function draw(state) {", "SyntaxError: ")):
        view["_esm"] = script
        page = widgets.compact(state, [root], tmp_path, "chapter")
        with pytest.raises(ExtensionError) as caught:
            widgets.prerender(page, tmp_path, "chapter")
        line = str(caught.value)
        assert "\n" not in line
        assert line.startswith(f"chapter: the widget ConvolutionView could not be drawn: {reason}")


def test_a_step_that_throws_names_itself_and_the_page():
    def throw(app, pagename, *rest):
        raise KeyError("no row")

    throw.__module__ = "cnn_book.launch"
    with pytest.raises(ExtensionError) as caught:
        cnn_book.named(throw)(None, "notebooks/02_x", "page.html", {}, None)
    assert str(caught.value) == "notebooks/02_x: launch failed: KeyError: 'no row'"


def test_an_error_with_words_of_its_own_keeps_them():
    def throw(app):
        raise ExtensionError("page: its own words")

    with pytest.raises(ExtensionError, match=r"^page: its own words$"):
        cnn_book.named(throw)(None)


def test_links_have_the_same_order_however_the_models_are_stored(tmp_path):
    state, root = stored_state(ConvolutionExplorer())
    orders = [widgets.compact(dict(order), [root], tmp_path, "page")["links"]
              for order in (state.items(), sorted(state.items()), reversed(state.items()))]
    assert orders[0] == orders[1] == orders[2] and len(orders[0]) == 9


def test_pieces_of_a_stream_are_joined_as_they_were_printed():
    kinds = [("stdout", "7 "), ("stdout", "8\n"), ("stderr", "no"), ("stdout", "9"), (None, ""), ("stdout", "10")]
    outputs = [{"output_type": "stream", "name": name, "text": text} if name else {"output_type": "display_data"}
               for name, text in kinds]
    before = [dict(output) for output in outputs]
    assert [output.get("text") for output in streams.join(outputs)] == ["7 8\n", "no", "9", None, "10"]
    assert outputs == before and streams.join(None) == []


def test_large_traits_become_files(tmp_path):
    explorer = ConvolutionExplorer()
    state, root = stored_state(explorer)
    state[explorer.view.model_id]["state"]["pictures"] = "x" * (widgets.LARGE + 1)
    page = widgets.compact(state, [root], tmp_path, "page")
    kept = next(model for model in page["models"].values() if model["kind"] == "View" and "files" in model)
    assert "pictures" not in kept
    assert json.loads((tmp_path / kept["files"]["pictures"]).read_text()) == "x" * (widgets.LARGE + 1)


def test_hash_follows_every_file_that_outputs_depend_on(tmp_path):
    (tmp_path / "cnnlib").mkdir()
    (tmp_path / "cnnlib" / "a.py").write_text("1")
    (tmp_path / "constraints.txt").write_text("numpy==2")
    hashes = {freshness.code_hash(tmp_path)}
    (tmp_path / "cnnlib" / "a.py").write_text("2")
    hashes.add(freshness.code_hash(tmp_path))
    (tmp_path / "constraints.txt").write_text("numpy==3")
    hashes.add(freshness.code_hash(tmp_path))
    (tmp_path / "README.md").write_text("not watched")
    hashes.add(freshness.code_hash(tmp_path))
    assert len(hashes) == 3


class Environment:
    found_docs = {"book/index", "notebooks/02_convolution_math"}


def test_changed_code_or_frame_makes_pages_outdated(monkeypatch):
    environment, hashes = Environment(), {freshness.CODE: "old", freshness.FRAME: "old"}
    monkeypatch.setattr(freshness, "code_hash", lambda parts=freshness.CODE: hashes[parts])

    def outdated():
        return sorted(freshness.outdated(None, environment, set(), set(), set()))

    assert outdated() == []
    hashes[freshness.CODE] = "new"
    assert outdated() == ["book/index", "notebooks/02_convolution_math"]  # pages of the book have cells too
    assert outdated() == []
    hashes[freshness.FRAME] = "new"  # the script of the widgets, say: it stands on every page
    assert outdated() == ["book/index", "notebooks/02_convolution_math"]
    assert outdated() == []


def page_context():
    return {"body": "<h1>Title</h1><p>Text</p>", "title": "<b>Title</b>", "metatags": "",
            "pathto": lambda name, resource: f"../{name}"}


@pytest.mark.parametrize("address", ["", "https://github.com/someone/book"])
def test_links_that_need_the_address_are_there_when_it_is_set(monkeypatch, address):
    monkeypatch.setattr(launch, "repository_url", lambda: address)
    context = page_context()
    launch.add_buttons(None, "notebooks/02_convolution_math", "page.html", context, "a document")
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', context["body"])]
    here = ["../_sources/notebooks/02_convolution_math.ipynb", "../_static/notebooks.zip"]
    paper = ["../pdf/02_convolution_math.pdf", "../pdf/book.pdf"]
    assert links == (here if not address else [
        "https://colab.research.google.com/github/someone/book/blob/main/notebooks/02_convolution_math.ipynb",
        "https://mybinder.org/v2/gh/someone/book/main?urlpath=notebooks%2Fnotebooks%2F02_convolution_math.ipynb",
        "https://mybinder.org/v2/gh/someone/book/main?urlpath=lab%2Ftree%2Fnotebooks%2F02_convolution_math.ipynb",
        *here, *paper, "https://github.com/someone/book/issues/new?title=Mistake+in+notebooks%2F02_convolution_math"
               "&body=Page%3A+notebooks%2F02_convolution_math"])


def test_pages_without_a_notebook_have_no_notebook_to_take_away(monkeypatch):
    monkeypatch.setattr(launch, "repository_url", lambda: "")
    context = page_context()
    launch.add_buttons(None, "book/glossary", "page.html", context, "a document")
    assert context == {**page_context(), "pathto": context["pathto"]}


class Application:
    def __init__(self, folder):
        self.outdir, self.builder, self.env = folder, self, self
        self.name, self.found_docs = "html", {"book/index", "notebooks/02_x"}
        self.config, self.html_title, self.root_doc = self, "A & B", "book/index"


def text_of_a_page(*paragraphs):
    return publish_doctree("\n\n".join(["=====\nTitle\n=====", *paragraphs]))


def test_a_page_says_what_it_is_about_and_where_it_is(monkeypatch, tmp_path):
    document = text_of_a_page("Short.", 'A "first" paragraph that is long enough to say what the page is about, ' * 3)
    wanted = 'A &quot;first&quot; paragraph that is long enough to say what the page is about, A'
    for address in ("", "https://someone.github.io/book"):
        monkeypatch.setattr(sharing, "site_url", lambda address=address: address)
        context = page_context()
        sharing.describe_page(Application(tmp_path), "notebooks/02_x", "page.html", context, document)
        tags = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', context["metatags"]))
        assert tags["description"].startswith(wanted) and tags["description"].endswith(" …")
        assert len(unescape(tags["description"])) <= 160
        assert ("canonical" in context["metatags"]) == bool(address) == ("og:title" in tags)
    assert '<link rel="canonical" href="https://someone.github.io/book/notebooks/02_x.html">' in context["metatags"]
    assert tags["og:title"] == "Title" and tags["og:site_name"] == "A &amp; B"
    picture = tmp_path / tags["og:image"].removeprefix("https://someone.github.io/book/")
    with Image.open(picture) as card:
        assert card.size == (1200, 630) and len(card.convert("L").getcolors()) > 10  # something is drawn
    assert picture.stat().st_size < 100_000


def test_a_sitemap_lists_every_page_where_the_address_is_set(monkeypatch, tmp_path):
    monkeypatch.setattr(sharing, "site_url", lambda: "")
    sharing.list_pages(Application(tmp_path))
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(sharing, "site_url", lambda: "https://someone.github.io/book")
    sharing.list_pages(Application(tmp_path))
    places = [each.text for each in ElementTree.parse(tmp_path / "sitemap.xml").iter() if each.tag.endswith("loc")]
    assert places == [f"https://someone.github.io/book/{name}.html" for name in ("book/index", "notebooks/02_x")]
    assert "Sitemap: https://someone.github.io/book/sitemap.xml" in (tmp_path / "robots.txt").read_text()


def test_all_notebooks_are_in_the_zip_and_the_same_ones_give_the_same_bytes(tmp_path):
    (tmp_path / "_static").mkdir()
    launch.bundle_notebooks(Application(tmp_path))
    first = (tmp_path / "_static" / "notebooks.zip").read_bytes()
    launch.bundle_notebooks(Application(tmp_path))
    assert (tmp_path / "_static" / "notebooks.zip").read_bytes() == first
    with ZipFile(io.BytesIO(first)) as bundle:
        assert {path.name for path in (ROOT / "notebooks").glob("*.ipynb")} <= {
            name.removeprefix("notebooks/") for name in bundle.namelist()}
        name = "notebooks/02_convolution_math.ipynb"
        assert bundle.read(name) == (ROOT / name).read_bytes()


def test_a_report_names_the_section_on_the_screen():
    code = """
      import { sectionAt, withSection } from "SCRIPT";
      const headings = [{top: -50, text: "First #"}, {top: 200, text: "Second¶"}, {top: 900, text: "Third"}];
      const address = "https://github.com/a/b/issues/new?title=T&body=Page%3A+p";
      const once = withSection(address, sectionAt(headings, 400));
      console.log(JSON.stringify([sectionAt(headings, -60), once, withSection(once, "Other & more"),
        withSection(address, "")]));
    """.replace("SCRIPT", (ROOT / "book" / "static" / "report.mjs").as_uri())
    done = subprocess.run([node_binary(), "--input-type=module", "--eval", code], capture_output=True, text=True,
                          check=True)
    none, once, twice, plain = json.loads(done.stdout)
    assert none == "" and plain == "https://github.com/a/b/issues/new?title=T&body=Page%3A+p"
    assert parse_qs(urlsplit(once).query)["body"] == ["Page: p\nSection: Second"]
    assert parse_qs(urlsplit(twice).query)["body"] == ["Page: p\nSection: Other & more"]


def test_a_policy_names_the_scripts_of_the_text_and_changes_with_them():
    page = '<meta charset="utf-8"><script>a = 1</script><script type="application/json">{}</script><script src="b.js">'
    first = policy.guard(page)
    digest = base64.b64encode(hashlib.sha256(b"a = 1").digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in first and first.count("sha256-") == 1
    assert policy.guard(first) == first
    again = policy.guard(first.replace("a = 1", "a = 2"))
    assert again.count("Content-Security-Policy") == 1 and digest not in again


class SlowServer:
    """A server whose socket file is there long before it listens."""

    CODE = ("import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); time.sleep(0.5); "
            "s.listen(); s.accept()[0].sendall(b'ready')")

    @classmethod
    def build_command(cls, socket):
        return [sys.executable, "-c", cls.CODE, str(socket)]

    @staticmethod
    def timeout_error(timeout):
        return RuntimeError(f"no server after {timeout} s")


def test_render_server_is_waited_for(tmp_path):
    process, connection = katex.start_server_process(SlowServer, tmp_path, 20)
    assert connection.recv(5) == b"ready"
    connection.close()
    process.communicate()


def test_render_server_that_ends_at_once_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(SlowServer, "CODE", "raise SystemExit(1)")
    with pytest.raises(RuntimeError, match="no server"):
        katex.start_server_process(SlowServer, tmp_path, 20)


def test_topics_are_the_placed_rows_of_the_course_map():
    rows = {"C02-01": {"title": "A", "notebook": "02_convolution_math", "heading": "How large is the output? ★"},
            "C04-01": {"title": "B", "planned": "04_y"},
            "C00-01": {"title": "C", "page": "book/glossary", "heading": "I"}}
    assert topics.table(rows).splitlines()[2:] == [
        "| A | [How large is the output? ★](<../notebooks/02_convolution_math.ipynb#how-large-is-the-output->) "
        "| [2 Convolution math](<../notebooks/02_convolution_math.ipynb>) |",
        "| C | [I](<glossary.md#i>) | [Glossary](<glossary.md>) |"]
    source = [f"# T\n\n{topics.MARK}"]
    topics.fill(None, topics.PAGE, source)
    assert "How large is the output?" in source[0] and topics.MARK not in source[0]


@pytest.mark.parametrize(("urls", "address"), [
    ("", ""), ('Repository = "https://github.com/someone/book.git"', "https://someone.github.io/book"),
    ('Repository = "https://gitlab.com/someone/book"', ""),
    ('Repository = "https://github.com/a/b"\nDocumentation = "https://book.example/x/"', "https://book.example/x")])
def test_the_sites_address_comes_from_the_repositorys(tmp_path, urls, address):
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "a"\n[project.urls]\n{urls}\n')
    assert site_url(tmp_path) == address


class File:
    def __init__(self, filename, **attributes):
        self.filename, self.attributes = filename, attributes


def test_unused_scripts_go_and_used_ones_stay():
    context = {"script_files": [File("_static/sphinx-thebe.js"), File("_static/scripts/furo.js"),
                                File(None, body="let toggleHintShow = 'x';")],
               "css_files": [File("_static/sphinx-design.min.css"), File("_static/site.css")],
               "metatags": '<meta name="viewport" content="x" />',
               "body": "<p>a</p><script>kernelName = 'python3'</script>"}
    assets.drop_unused(None, "page", "page.html", context, None)
    assert [file.filename for file in context["script_files"]] == ["_static/scripts/furo.js"]
    assert [file.filename for file in context["css_files"]] == ["_static/site.css"]
    assert context["body"] == "<p>a</p>" and context["metatags"] == ""


@pytest.mark.parametrize(("body", "later"), [('<script id="cnn-widgets">', True), ("<p>no host here</p>", False)])
def test_copy_buttons_wait_where_a_host_starts_them(body, later):
    context = {"script_files": [File("_static/furo.js"), File("_static/copybutton.js")], "css_files": [], "body": body,
               "pathto": lambda name, resource: f"../{name}"}
    assets.drop_unused(None, "page", "page.html", context, None)
    waiting = '<script id="cnn-later" type="application/json">["../_static/copybutton.js"]</script>'
    assert context["body"] == (body + waiting if later else body)
    files = [(file.filename, file.attributes) for file in context["script_files"]]
    assert files == [(f"_static/{name}.js", {"defer": "defer"}) for name in ("furo", "copybutton")[:2 - later]]


def test_hidden_cells_are_named_by_their_own_words_in_what_a_summary_may_hold():
    context = {"body": '<summary aria-label="Toggle hidden content"><p class="a">Show</p></summary><p>y</p>'}
    assets.mend(None, "page", "page.html", context, None)
    assert context["body"] == '<summary><span class="a">Show</span></summary><p>y</p>'


def test_the_sites_own_address_leads_to_the_first_page(tmp_path):
    launch.lead_on(Application(tmp_path))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'content="0; url=book/index.html"' in text and 'href="book/index.html"' in text
    assert "<title>A &amp; B</title>" in text


@pytest.mark.parametrize("address", ["", "https://someone.github.io/book"])
def test_a_page_that_is_not_there_leads_to_the_first_one_from_any_folder(monkeypatch, tmp_path, address):
    monkeypatch.setattr(launch, "site_url", lambda: address)
    launch.say_lost(Application(tmp_path))
    text = (tmp_path / "404.html").read_text(encoding="utf-8")
    assert re.findall('href="(.+?)"', text) == [f"{address}/book/index.html"] and "page of A &amp; B" in text


def test_wide_code_takes_the_focus_and_loses_idle_marks():
    wide = f'<pre><span class="n">{"x" * 40}</span><span class="k">if</span></pre>'
    context = {"body": f'{wide}<pre><span class="p">(</span></pre>'}
    assets.mend(None, "page", "page.html", context, None)
    assert context["body"] == f'<pre tabindex="0">{"x" * 40}<span class="k">if</span></pre><pre>(</pre>'


def test_code_says_how_many_lines_it_has():
    context = {"body": '<div class="highlight"><pre>a\n<span class="k">if</span>\n</pre></div><pre>a\nb</pre>'}
    assets.mend(None, "page", "page.html", context, None)
    assert context["body"].count("--lines") == 1 and '<div class="highlight" style="--lines:2"><pre>' in context["body"]


def test_pictures_in_the_text_become_files(tmp_path):
    class App:
        outdir = tmp_path
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    for kind, ending in (("png", "webp"), ("bmp", "webp"), ("jpeg", "jpeg")):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        picture = f'<img src="data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}" alt="x">'
        context = {"body": picture, "pathto": lambda name, resource: f"../{name}"}
        assets.move_pictures(App, "notebooks/a", "page.html", context, None)
        name = re.search(rf'<img src="\.\./(_images/\w+\.{ending})" alt="x">', context["body"])[1]
        if ending == "jpeg":
            assert (tmp_path / name).read_bytes() == file.getvalue()
        else:
            assert np.array_equal(np.asarray(Image.open(tmp_path / name)), pixels)


PAGE = """<head>
<link rel="stylesheet" href="../_static/widgets/w.css">
<title>Page</title>
<link rel="stylesheet" type="text/css" href="../_static/a.css?v=1" />
<link rel="stylesheet" type="text/css" href="../_static/katex/k.css?v=2" />
</head>"""


LINK = '<link rel="stylesheet" href="../_static/widgets/w.css">'


def test_style_sheets_become_one_in_their_order(tmp_path):
    for name, text in (("widgets/w.css", "b { c: d }"), ("a.css", "b { c: e }"),
                       ("katex/k.css", "@font-face { src: url(fonts/f.woff2), url('data:x') }")):
        (tmp_path / "_static" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "_static" / name).write_text(text)
    (tmp_path / "notebooks").mkdir()
    page = styles.join_page(PAGE, "notebooks/page.html", tmp_path)
    [href] = re.findall(r'href="([^"]+)"', page)
    sheet = (tmp_path / "notebooks" / href).read_text()
    assert sheet.index("c: d") < sheet.index("c: e") < sheet.index("font-face")
    assert "url(katex/fonts/f.woff2)" in sheet and "url('data:x')" in sheet
    assert styles.join_page(page, "notebooks/page.html", tmp_path) == page  # a page that was not built anew
    (tmp_path / "_static" / "a.css").write_text("b { c: f }")
    later = styles.join_page(page, "notebooks/page.html", tmp_path)
    assert later != page and "c: f" in (tmp_path / "notebooks" / re.search(r'href="([^"]+)"', later)[1]).read_text()


def test_style_sheet_loses_what_only_people_read():
    sheet = """/*! MIT's */
/* people's */ a > b,
.c :hover { content: "  /* ; */ "; margin: calc(1px + 2px) ; --none: ; } /* ' */
@media (width > 1px) { d { background: url( e;f ) } }
"""
    assert styles.shorter(sheet) == (
        """/*! MIT's */ a > b,.c :hover{content: "  /* ; */ ";margin: calc(1px + 2px) ;--none: ;}"""
        "@media (width > 1px){d{background: url( e;f ) }}")


def test_colors_of_a_terminal_come_where_a_terminal_is_shown(tmp_path):
    (tmp_path / "_static" / "widgets").mkdir(parents=True)
    (tmp_path / "_static" / "widgets" / "w.css").write_text(
        "div.highlight .-Color[class*=-C1] { c: red }\ndiv.highlight .k { c: d }")
    for text, colored in ((LINK, False), (LINK + '<span class="-Color -Color-C1">', True)):
        page = styles.join_page(text, "notebooks/page.html", tmp_path)
        sheet = (tmp_path / re.search(r'href="../([^"]+)"', page)[1]).read_text()
        assert ("red" in sheet) == colored and "div.highlight .k{c: d }" in sheet


def test_page_without_style_sheets_stays_as_it_is(tmp_path):
    assert styles.join_page("<head></head>", "page.html", tmp_path) == "<head></head>"
