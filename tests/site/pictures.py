"""What is said of a picture to those who do not see it."""
import re
from html import unescape

LEAST = 40  # characters
PICTURE = re.compile(r'<img\b[^>]*>|<\w+\b[^>]*\brole="img"[^>]*>')
TEXT = re.compile(r'\b(?:alt|aria-label)="([^"]*)"')
FIGURE = re.compile(r"<figure\b.*?</figure>", re.S)
CAPTION = re.compile(r"<figcaption[^>]*>(.*?)</figcaption>", re.S)


def poor_texts(html):
    """Return the texts of pictures that are too short, or that only repeat the figure's caption."""
    short = [text for text in texts(html) if len(text) < LEAST]
    return short + [text for figure in FIGURE.findall(html) for caption in CAPTION.findall(figure)
                    for text in texts(figure) if _words(text) and _words(text) in _words(caption)]


def texts(html):
    """Return the text of each picture, "" where it has none."""
    return [unescape(found[1]) if (found := TEXT.search(tag)) else "" for tag in PICTURE.findall(html)]


def _words(text):
    return " ".join(re.findall(r"\w+", unescape(re.sub("<[^>]+>", " ", text)).lower()))
