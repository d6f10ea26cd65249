"""Draw the table of all networks from cnnlib.models.list_models(), and give its page a way to sort it."""
from cnn_book import places
from tools.outline import course_map

PAGE = "book/model_table"
MARK, NOTES = "<!-- models -->", "<!-- notes -->"
TOPICS = {  # how a network's name begins: the course map's row for the section that builds it
    "lenet": "C07-02", "alexnet": "C07-05", "vgg": "C07-10", "nin": "C07-16", "googlenet": "C07-19",
    "inception_v2": "C07-28", "inception_v3": "C07-28", "inception_v4": "C07-30", "xception": "C07-30",
    "inception_resnet": "C07-31", "resnet": "C07-33", "resnext": "C07-48", "densenet": "C07-50",
    "mobilenet_v1": "C10-04", "mobilenet_v2": "C10-05", "efficientnet": "C10-07", "se_resnet": "C11-03",
    "cbam_resnet": "C11-05", "vit": "C11-12",
}
COLUMNS = ("network", "year", "input", "parameters", "million MACs", "idea, paper and chapter")


def fill(app, docname, source):
    """Put the table where the page has its mark."""
    if docname == PAGE:
        from cnnlib.models import list_models  # only where it is needed: it takes torch along

        models = list_models()
        source[0] = source[0].replace(MARK, table(models, course_map())).replace(NOTES, notes(models))


def add_script(app, pagename, templatename, context, doctree):
    """Give the page, and no other, the script that sorts."""
    if pagename == PAGE:
        app.add_js_file("sort.mjs", type="module", fetchpriority="low")


def table(models, topics):
    """Return the networks as a Markdown table.

    Args:
        models: rows of ``list_models()``.
        topics: the course map.
    """
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|--:|--:|--:|--:|---|"]
    for model in models:
        paper = model.paper[:model.paper.index(")") + 1]  # authors and year
        row = topics[topic(model.name)]
        chapter = places.title(places.file_of(row)).split(" ")[0]
        section = places.section_link(row, PAGE, text=f"Chapter {chapter}")
        cells = (f"`{model.name}`", model.year, model.input_size, f"{model.parameters:,}", millions(model.macs),
                 f"{model.idea[0].upper()}{model.idea[1:]}. *{paper}.* {section}")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def notes(models):
    """Return what is to be said of single networks, as a Markdown list."""
    told = [model for model in models if model.note]
    return "\n".join(f"- `{model.name}`: {model.note}. Published count: {model.source}." for model in told)


def topic(name):
    """Return the id of the topic that builds a network.

    Raises:
        KeyError: no section is known for it.
    """
    begins = [start for start in TOPICS if name.startswith(start)]
    return TOPICS[max(begins, key=len, default=name)]


def millions(count):
    """Return a count in millions, small ones with decimals."""
    return f"{count / 1e6:,.0f}" if count >= 1e7 else f"{count / 1e6:.2f}"
