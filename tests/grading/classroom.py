"""A class on the hub without browsers: each student logs in, starts a server, runs a notebook, solves and submits."""
import contextlib
import json
import pwd
import threading
import time
import uuid

import psutil
import requests
import websocket

from tests.grading.students import ASSIGNMENT, MARKS, cell_of, name_of

NOTEBOOK = f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
WAIT, PATIENCE = 60, 900  # seconds for one answer of a server; for a server to start, or a cell to end
MB = 2**20


class Student:
    """A student's session on the hub.

    Args:
        room: a Room whose hub answers.
        name: one of the room's names.

    Attributes:
        refused: how often the hub asked to come back later for a server.
    """

    def __init__(self, room, name):
        self._user, self._hub = room.names[name], f"{room.url}/hub"
        self._password, self._base = room.passwords[self._user], f"{room.url}/user/{self._user}"
        self._session, self.refused = requests.Session(), 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._session.close()

    def log_in(self):
        """Send the form of the first page, and get a token for what follows."""
        self._session.get(f"{self._hub}/login", timeout=WAIT).raise_for_status()
        form = {"username": self._user, "password": self._password, "_xsrf": self._session.cookies["_xsrf"]}
        self._session.post(f"{self._hub}/login", params={"next": "/hub/home"}, data=form,
                           timeout=WAIT).raise_for_status()
        made = self._session.post(f"{self._hub}/api/users/{self._user}/tokens", json={}, timeout=WAIT,
                                  headers={"X-XSRFToken": self._session.cookies["_xsrf"]})
        made.raise_for_status()
        self._session.headers["Authorization"] = f"token {made.json()['token']}"

    def start(self):
        """Start the own server, and return when it is ready; where the hub is full, ask again as it says.

        Raises:
            RuntimeError: the server does not start.
        """
        end = time.monotonic() + PATIENCE
        while (answer := self._session.post(f"{self._hub}/api/users/{self._user}/server", timeout=WAIT)
               ).status_code == 429 and time.monotonic() < end:
            self.refused += 1
            time.sleep(int(answer.headers["Retry-After"]))
        answer.raise_for_status()
        while time.monotonic() < end:
            about = self._session.get(f"{self._hub}/api/users/{self._user}", timeout=WAIT).json()["servers"]
            if about.get("", {}).get("ready"):
                return
            if not about:
                break
            time.sleep(0.3)
        raise RuntimeError(f"classroom: the server of {self._user} must start, got {about}")

    def fetch(self):
        """Fetch the assignment, and return its notebook."""
        self._list("fetch")
        return self._call("GET", f"api/contents/{NOTEBOOK}")["content"]

    def save(self, path, notebook):
        """Save a notebook on the server."""
        self._call("PUT", f"api/contents/{path}", json={"type": "notebook", "content": notebook})

    def submit(self):
        """Submit the assignment."""
        self._list("submit")

    def run(self, notebook, folder=""):
        """Run a notebook's cells in a kernel of the server, and return the errors' names and texts."""
        kernel = self._call("POST", "api/kernels", json={"name": "python3", "path": folder})["id"]
        address = f"{self._base}/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        token = f"Authorization: {self._session.headers['Authorization']}"
        line = websocket.create_connection(address, timeout=PATIENCE, header=[token])
        with contextlib.closing(line):
            cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
            replies = [_execute(line, "".join(cell["source"])) for cell in cells]
        self._call("DELETE", f"api/kernels/{kernel}")
        return [f"{reply['ename']}: {reply['evalue']}" for reply in replies if reply["status"] != "ok"]

    def _list(self, step):
        wanted = {"course_id": "cnn", "assignment_id": ASSIGNMENT}
        said = self._call("POST", f"assignments/{step}", params=wanted)
        assert said["success"], f"{self._user}: {step}: {said}"

    def _call(self, method, path, **options):
        answer = self._session.request(method, f"{self._base}/{path}", timeout=WAIT, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _execute(line, text):
    """Run a text, and return the kernel's reply when it is idle again."""
    number, reply, idle = uuid.uuid4().hex, None, False
    header = {"msg_id": number, "msg_type": "execute_request", "session": number, "username": "", "version": "5.3"}
    line.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [],
                          "content": {"code": text, "silent": False, "allow_stdin": False, "stop_on_error": False}}))
    while not (reply and idle):
        kind, data = line.recv_data()
        if kind != websocket.ABNF.OPCODE_TEXT:
            continue  # a widget's picture
        said = json.loads(data)
        if said["parent_header"].get("msg_id") == number:
            reply = said["content"] if said["msg_type"] == "execute_reply" else reply
            idle = idle or said["content"].get("execution_state") == "idle"
    return reply


def solved(given, source, tasks):
    """Return a fetched notebook with the instructor's answers to tasks.

    Args:
        given: the notebook as it was fetched.
        source: the instructor's notebook.
        tasks: names of tasks.
    """
    wanted = {cell_of(task) for task in tasks}
    answers = {name_of(cell): MARKS.sub("", "".join(cell["source"])) for cell in source["cells"]}
    return {**given, "cells": [{**cell, "source": answers[name_of(cell)]} if name_of(cell) in wanted else cell
                               for cell in given["cells"]]}


class Memory:
    """The most memory that the hub and the students' programs have had, for the length of a ``with`` block.

    Pages that programs share are counted once in all.

    Args:
        room: a Room.

    Attributes:
        hub: of the hub and its proxy, in megabytes.
        students: of all students' programs together.
        largest: of the programs of the one student who had most.
    """

    def __init__(self, room):
        users = {pwd.getpwnam(user).pw_uid for name, user in room.names.items() if name != "teacher"}
        self._room, self._users, self._end = room, users, threading.Event()
        self.hub = self.students = self.largest = 0

    def __enter__(self):
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._end.set()
        self._thread.join()

    def _watch(self):
        while not self._end.wait(1):
            found = {}
            for process in psutil.Process(self._room.hub).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    user = process.uids().real
                    found[user] = found.get(user, 0) + process.memory_full_info().pss / MB
            own = [found.get(user, 0) for user in self._users]
            self.hub, self.students = max(self.hub, found.get(0, 0)), max(self.students, sum(own))
            self.largest = max(self.largest, *own)
