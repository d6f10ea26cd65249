"""Keep executed pages true: what they show depends on cnnlib, not only on the notebook."""
import contextlib
import hashlib
import json
import shutil

from jupyter_cache import get_cache
from jupyter_cache.cache.db import NbCacheRecord
from sqlalchemy.exc import SQLAlchemyError

from cnn_book import ROOT

CODE = ("cnnlib", "constraints.txt")
FRAME = ("book/ext", "book/static", "book/templates", "book/course_map.yml", "book/glossary.md", "pyproject.toml")


def code_hash(root=ROOT, parts=CODE):
    """Return a short hash of everything that a notebook's outputs depend on besides its own text."""
    digest = hashlib.sha256()
    for name in parts:
        path = root / name
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def name_cache(app, config):
    """Put the hash into the name of the execution cache's folder and remove caches of other hashes."""
    caches = ROOT / "_build" / ".jupyter_cache"
    cache = caches / code_hash()
    for other in caches.glob("*"):
        if other != cache:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    cache.mkdir(parents=True, exist_ok=True)
    mend_cache(cache)
    config.nb_execution_cache_path = str(cache)


def mend_cache(cache):
    """Remove from a cache what a build that was killed has left half written; all of it where nothing can be read."""
    whole = set()
    for folder in (cache / "executed").glob("*"):
        with contextlib.suppress(OSError, ValueError):
            json.loads((folder / "base.ipynb").read_text(encoding="utf-8"))
            whole.add(folder.name)
            continue
        shutil.rmtree(folder)
    try:
        opened = get_cache(cache)
        torn = [record.pk for record in opened.list_cache_records() if record.hashkey not in whole]
        NbCacheRecord.remove_records(torn, opened.db)
    except (SQLAlchemyError, RuntimeError):
        shutil.rmtree(cache)
        cache.mkdir()


def outdated(app, env, added, changed, removed):
    """Name all pages outdated when the code or their frame has changed since the last build."""
    now = (code_hash(), code_hash(parts=FRAME))
    before, env.cnn_hashes = getattr(env, "cnn_hashes", now), now
    return [] if now == before else list(env.found_docs)
