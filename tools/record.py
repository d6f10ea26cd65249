"""What was tried before, a line of JSON each, and a name for the files that it depends on."""
import hashlib
import json


def digest(paths):
    """Return a short name for what files hold, in their order."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def read_lines(path):
    """Return what a record holds; nothing if there is none yet."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def write_line(file, entry):
    """Add an entry to an open record, at once."""
    file.write(json.dumps(entry, ensure_ascii=False) + "\n")
    file.flush()
