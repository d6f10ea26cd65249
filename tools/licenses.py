"""Read the licenses of installed Python packages, under SPDX's names."""
import re
from importlib.metadata import PackageNotFoundError, distribution

WORDS = {  # what the free field and the classifiers say, in small letters
    "mit": "MIT", "mit license": "MIT", "the mit license": "MIT", "isc license (iscl)": "ISC", "isc license": "ISC",
    "apache 2.0": "Apache-2.0", "apache software license": "Apache-2.0", "apache license, version 2.0": "Apache-2.0",
    "bsd 3-clause license": "BSD-3-Clause", "bsd 2-clause license": "BSD-2-Clause", "freebsd": "BSD-2-Clause",
    "psfl": "PSF-2.0", "python software foundation license": "PSF-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
}
EXPRESSION = re.compile(r"[\w.+-]*\d[\w.+-]*(?: (?:AND|OR|WITH) [\w.+-]+)*")  # MPL-2.0 AND MIT; a lone MIT is in WORDS


def license_of(name):
    """Return the license of an installed package as an SPDX expression, or None where its metadata says none.

    In this order: the field License-Expression, the free field License, the classifiers. Where these say only BSD,
    the license's text tells the clauses.

    >>> license_of("pytest")
    'MIT'
    """
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return None
    if stated := package.metadata.get("License-Expression"):
        return stated
    free = (package.metadata.get("License") or "").strip()
    classifiers = [line.split(" :: ")[-1] for line in package.metadata.get_all("Classifier") or []
                   if line.startswith("License :: ")]
    for words in [free.split("\n")[0].strip(), *classifiers]:
        if found := WORDS.get(words.lower()) or (EXPRESSION.fullmatch(words) and words):
            return found
    return _clauses(package, free) if any("BSD" in words for words in [free, *classifiers]) else None


def parts(expression):
    """Return the licenses that all bind at once; of a choice, each stands as one ``A OR B``.

    >>> parts("MPL-2.0 AND MIT"), parts("Apache-2.0 OR BSD-2-Clause")
    (['MPL-2.0', 'MIT'], ['Apache-2.0 OR BSD-2-Clause'])
    """
    return [part.strip(" ()") for part in expression.split(" AND ")]


def refused(expression, allowed):
    """Return the licenses of an expression that are not allowed; of a choice, one allowed license is enough.

    >>> refused("MIT AND GPL-3.0-only", ["MIT"]), refused("GPL-3.0-only OR MIT", ["MIT"])
    (['GPL-3.0-only'], [])
    """
    return [part for part in parts(expression) if not set(part.split(" OR ")) & set(allowed)]


def _clauses(package, free):
    """Return which BSD license a package's text is, by the clause about names, which only the longer one has."""
    files = [file for file in package.files or [] if re.search(r"licen[sc]e|copying", file.name, re.I)]
    texts = [free, *(file.read_text() for file in files if file.suffix in ("", ".txt", ".md", ".rst"))]
    text = re.sub(r"\s+", " ", " ".join(texts))
    if re.search("neither the name|may be used to endorse|may not be used to endorse", text, re.I):
        return "BSD-3-Clause"
    return "BSD-2-Clause" if "Redistributions in binary form" in text else None
