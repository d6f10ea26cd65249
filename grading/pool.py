"""Workers: processes that grade one submission after another, and are ended from outside if one takes too long."""
import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time

from grading import sandbox

BEGIN = 120  # seconds in which a worker must be ready


class Worker:
    """A process that grades submissions; one thread asks it, another may stop it.

    Args:
        seed: the course's seed.
    """

    def __init__(self, seed):
        self._seed, self._process = seed, None
        self._lock, self._stopped = threading.Lock(), False  # held where the process is made or killed

    def grade(self, job, seconds):
        """Return the result of a job; where the process does not answer in time, or dies, a row that says so."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        answer = None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._line(seconds)
        if answer:
            return json.loads(answer)
        self.close()
        why = "Grading it took too long and was stopped." if answer is None else "The grader's process ended."
        return {"status": "failed", "reason": why}

    def stop(self):
        """Kill the process, and let no other begin; from any thread. The one that asks calls ``close``."""
        with self._lock:
            self._stopped = True
            self._kill()

    def close(self):
        """End the process and everything that it started."""
        with self._lock:
            self._kill()
            process, self._process = self._process, None
        if process:
            process.wait()
            sandbox.sweep(process.pid)
            for stream in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    stream.close()

    def _kill(self):
        if self._process and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)

    def _start(self):
        self.close()
        environment = {**os.environ, "CNN_COURSE_SEED": self._seed, "OMP_NUM_THREADS": "1",
                       "PYTHONPATH": str(sandbox.ROOT)}
        with self._lock:
            if self._stopped:
                raise RuntimeError("the worker was stopped")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "grading.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=environment, start_new_session=True)
        self._line(BEGIN)

    def _line(self, seconds):
        """Return the next line, b"" where the process has ended, None where time is up."""
        text, end = b"", time.monotonic() + seconds
        stream = self._process.stdout
        while not text.endswith(b"\n"):
            if not select.select([stream], [], [], max(0, end - time.monotonic()))[0]:
                return None
            part = os.read(stream.fileno(), 2**20)
            if not part:
                return b""
            text += part
        return text


def graded(jobs, *, seed, workers, seconds):
    """Yield the pairs of job and result in the order in which they end.

    Args:
        jobs: what ``grading.worker`` takes.
        seed: the course's seed.
        workers: how many processes work side by side.
        seconds: after how long a job is stopped.
    """
    waiting, done = queue.Queue(), queue.Queue()
    for job in jobs:
        waiting.put(job)
    team = [Worker(seed) for _ in range(min(workers, max(1, len(jobs))))]
    stop = threading.Event()

    def work(worker):
        while not stop.is_set():
            try:
                job = waiting.get_nowait()
            except queue.Empty:
                return
            begin = time.monotonic()
            try:
                result = worker.grade(job, seconds)
            except Exception as error:  # reported with the submission; the others go on
                result = {"status": "failed", "reason": f"{type(error).__name__}: {error}"}
            done.put((job, {**result, "seconds": round(time.monotonic() - begin, 2)}))

    threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in team]
    try:
        for thread in threads:
            thread.start()
        for _ in jobs:
            yield done.get()
    finally:
        stop.set()
        for worker in team:
            worker.stop()
        for thread in threads:
            if thread.is_alive():
                thread.join()
        for worker in team:
            worker.close()
