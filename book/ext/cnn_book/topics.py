"""Draw the page of topics from book/course_map.yml."""
from cnn_book import places
from tools.outline import course_map

PAGE = "book/topics"
MARK = "<!-- course map -->"


def fill(app, docname, source):
    """Put the table where the page has its mark."""
    if docname == PAGE:
        source[0] = source[0].replace(MARK, table(course_map()))


def table(rows):
    """Return the placed rows as a Markdown table: topic, section, page."""
    lines = ["| topic | section | page |", "|---|---|---|"]
    for row in (row for row in rows.values() if "planned" not in row):
        file, heading = places.file_of(row), row["heading"]
        lines.append(f"| {row['title']} | {places.link(file, heading, text=heading, page=PAGE)} "
                     f"| {places.link(file, '', text=places.title(file), page=PAGE)} |")
    return "\n".join(lines)
