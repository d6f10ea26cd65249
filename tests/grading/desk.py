"""A user of the hub at a browser: logs in, presses the buttons of nbgrader's lists, types into a terminal."""
import json
import time

WAIT = 60_000  # milliseconds
CALL = """async ([path, method, body]) => {
  const token = document.cookie.split("; ").find((each) => each.startsWith("_xsrf="))?.slice(6) ?? "";
  const answer = await fetch(path, {method, body, headers: {"X-XSRFToken": token, "Content-Type": "application/json"}});
  return [answer.status, await answer.text()];
}"""
TYPE = """([address, line]) => new Promise((done, failed) => {
  const socket = new WebSocket(address);
  let sent = false;
  socket.onerror = () => failed(new Error("the terminal must answer"));
  socket.onmessage = () => {  // its first word: the shell is there
    if (!sent) { sent = true; socket.send(JSON.stringify(["stdin", line + "\\r"])); setTimeout(done, 500); }
  };
})"""


class Desk:
    """A user's browser.

    Args:
        browser: a Playwright browser.
        room: a Room whose hub has started.
        name: one of the room's names.

    Attributes:
        page: the page with JupyterLab.
        base: the address of the user's server.
    """

    def __init__(self, browser, room, name):
        self.room, self.user = room, room.names[name]
        self.base = f"{room.url}/user/{self.user}"
        self.page = browser.new_context().new_page()
        self.page.set_default_timeout(WAIT)

    def log_in(self, password=None):
        """Send the form of the hub's first page."""
        self.page.goto(self.room.url)
        self.page.fill("#username_input", self.user)
        self.page.fill("#password_input", password or self.room.passwords[self.user])
        self.page.click("#login_submit")

    def wait_for_lab(self):
        """Return when JupyterLab is there."""
        self.page.wait_for_url(f"**/user/{self.user}/lab**")
        self.page.locator(".jp-LauncherCard").first.wait_for()

    def menu(self):
        """Return the lines of nbgrader's menu, and close it again."""
        self.page.get_by_role("menuitem", name="Nbgrader").click()
        self.page.locator(".lm-Menu-item").first.wait_for()
        lines = self.page.locator(".lm-Menu-item:not(.lm-mod-hidden) .lm-Menu-itemLabel").all_inner_texts()
        self.page.keyboard.press("Escape")
        return lines

    def choose(self, line):
        """Choose a line of nbgrader's menu."""
        self.page.get_by_role("menuitem", name="Nbgrader").click()
        self.page.locator(".lm-Menu-item:not(.lm-mod-hidden)", has_text=line).click()

    def press(self, button, then):
        """Press a button of the assignment list, and wait for what appears then."""
        self.page.locator("#assignments").get_by_role("button", name=button, exact=True).click()
        self.page.locator("#assignments").get_by_text(then).first.wait_for()

    def refresh(self):
        """Let the assignment list look into the exchange again."""
        self.page.click("#refresh_assignments_list")

    def read(self, path):
        """Return the text or notebook of a file on the server, or the names in a folder."""
        content = self._call(f"api/contents/{path}?content=1")["content"]
        return [each["name"] for each in content] if isinstance(content, list) else content

    def save(self, path, notebook):
        """Save a notebook on the server."""
        self._call(f"api/contents/{path}", "PUT", {"type": "notebook", "content": notebook})

    def type(self, line):
        """Type a line into a new terminal of the server, and return what it printed."""
        terminal = self._call("api/terminals", "POST")["name"]
        address = f"{self.base}/terminals/websocket/{terminal}".replace("http", "ws", 1)
        self.page.evaluate(TYPE, [address, f"({line}) > said.new 2>&1; mv said.new said.txt"])
        for _ in range(100):
            if "said.txt" in self.read(""):
                said = self.read("said.txt")
                self._call("api/contents/said.txt", "DELETE")
                return said
            time.sleep(0.2)
        raise AssertionError(f"the terminal must carry out {line}, got no end within 20 s")

    def status(self, address):
        """Return the status with which a page of the hub answers this user."""
        return self.page.context.request.get(address).status

    def _call(self, path, method="GET", body=None):
        status, text = self.page.evaluate(CALL, [f"{self.base}/{path}", method, json.dumps(body) if body else None])
        assert status < 300, f"{method} {path}: {status} {text[:300]}"
        return json.loads(text) if text else None
