"""One of the processes that grade: a line of JSON in, a line out."""
import contextlib
import json
import os
import queue
import signal
import sys
import threading

import psutil

from grading.judge import judge, refuse
from grading.sandbox import Limits
from grading.submission import Refused, read_submission, stored


def work(job):
    """Return ``{"status", "reason", "cells", "rows"}`` for a job.

    Args:
        job: "folder" of the submission, paths of the "source" and "release" notebooks, "limits", "seconds", "budget",
            "trusted".
    """
    source, released = stored(job["source"]), stored(job["release"])
    try:
        submitted = read_submission(job["folder"], os.path.basename(job["release"]))
    except Refused as error:
        cells, rows = refuse(source, released, str(error))
        return {"status": "refused", "reason": str(error), "cells": cells, "rows": rows}
    cells, rows = judge(source, released, submitted, Limits(**job["limits"]), seconds=job["seconds"],
                        budget=job["budget"], trusted=job["trusted"])
    return {"status": "graded", "reason": "", "cells": cells, "rows": rows}


def main():
    """Work until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing that a check prints may look like a result
    asked = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    out.write(b"ready\n")
    out.flush()
    while True:
        line = asked.get()
        try:
            result = work(json.loads(line))
        except Exception as error:
            result = {"status": "failed", "reason": f"{type(error).__name__}: {error}"[:500]}
        out.write(json.dumps(result, ensure_ascii=False).encode(errors="replace") + b"\n")  # half characters are none
        out.flush()


def _listen(asked):
    """Pass on what is asked; when nobody can ask any more, end this process and what it started, in mid-work too."""
    for line in sys.stdin.buffer:
        asked.put(line)
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    os._exit(1)


if __name__ == "__main__":
    main()
