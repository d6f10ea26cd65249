"""Draw the page of topics from book/course_map.yml."""
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
    for row in rows.values():
        if "planned" in row:
            continue
        name, link = ((row["notebook"], f"../notebooks/{row['notebook']}.ipynb") if "notebook" in row
                      else (row["page"].removeprefix("book/"), f"{row['page'].removeprefix('book/')}.md"))
        lines.append(f"| {row['title']} | {row['heading']} | [{name}]({link}) |")
    return "\n".join(lines)
