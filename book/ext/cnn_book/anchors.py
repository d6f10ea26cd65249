"""Anchors that can be read: from a heading with 3×3 comes 3x3, not 33; each word of the glossary has one."""
import re

from docutils import nodes

GLOSSARY = "book/glossary"
TERM = re.compile(r"<dt>(?=<strong>(.*?)</strong>)")


def use_readable():
    """Let docutils write × as x."""
    nodes._non_id_translate[ord("×")] = "x"


def name_terms(app, pagename, templatename, context, doctree):
    """Give each word of the glossary an anchor."""
    if pagename == GLOSSARY and "body" in context:
        context["body"] = TERM.sub(lambda term: f'<dt id="{term_id(term[1])}">', context["body"])


def term_id(term):
    """Return the anchor of a word, given as HTML or as Markdown."""
    return nodes.make_id(re.sub("<.*?>", "", f"term {term}"))
