"""Go through a widget with the Tab key, press keys at each stop, and say what is wrong there."""
from tests.site.reader import wait_until

TARGET = 24  # CSS pixels a side: WCAG 2.2, success criterion 2.5.8
KEYS = {  # kind of control: keys that move it; "new" is a number that it does not hold
    "range": ["ArrowRight", "ArrowLeft", "End", "Home"], "select": ["ArrowDown", "ArrowUp"],
    "radio": ["ArrowDown", "ArrowUp"], "checkbox": ["Space"], "button": ["Space", "ArrowRight"], "play": ["Space"],
    "number": ["new"], "text": ["new"]}
SEEN = {"picture", "said"}  # what a reader can see of a change

# A unit is a control, a group of radio buttons, or a region that scrolls: what Tab should stop at, once.
SCRIPT = """(root) => {
  const active = () => document.activeElement;
  const unitOf = (el) => (el.type === 'radio' ? el.closest('fieldset') : el);
  const units = () => {
    const all = [...root.querySelectorAll('input, select, textarea, button, summary, a[href], [tabindex="0"]')];
    return [...new Set(all.map(unitOf))].filter((unit) => unit.checkVisibility());
  };
  const inputsOf = (unit) => (unit.tagName === 'FIELDSET' ? [...unit.querySelectorAll('input')] : [unit]);
  const tag = (el) => el?.cloneNode().outerHTML;
  const kindOf = (el) => (el.matches('.cnn-play') ? 'play' : el.matches('input') ? el.type
    : el.matches('select, button') ? el.localName : 'region');
  const place = () => (root.contains(active()) ? units().indexOf(unitOf(active()))
    : root.compareDocumentPosition(active()) & Node.DOCUMENT_POSITION_PRECEDING ? 'before' : 'after');
  const frame = () => new Promise(requestAnimationFrame);
  const height = () => document.documentElement.scrollHeight;

  const ring = (el) => {
    const {outlineStyle, outlineWidth, outlineColor, boxShadow} = getComputedStyle(el);
    const drawn = outlineStyle !== 'none' && parseFloat(outlineWidth) > 0 && !outlineColor.endsWith(', 0)');
    return (drawn ? outlineStyle + outlineWidth + outlineColor : '') + (boxShadow === 'none' ? '' : boxShadow);
  };
  const resting = units().map((unit) => ring(inputsOf(unit)[0]));
  const within = (a, b) => // up to a pixel: browsers scroll by whole ones
    b.left <= a.left + 1 && b.top <= a.top + 1 && b.right >= a.right - 1 && b.bottom >= a.bottom - 1;
  const middle = (from, to, end) => (Math.max(from, 0) + Math.min(to, end)) / 2;
  const look = () => {
    const el = active(), box = el.getBoundingClientRect();
    const {clientWidth: right, clientHeight: bottom} = document.documentElement;
    const hit = document.elementFromPoint(middle(box.left, box.right, right), middle(box.top, box.bottom, bottom));
    const onTop = hit?.matches('button') && root.contains(hit) && within(hit.getBoundingClientRect(), box);
    return [
      [['', resting[place()]].includes(ring(el)), 'shows no focus'],
      [kindOf(el) !== 'region' && !within(box, {left: 0, top: 0, right, bottom}), 'is not inside the viewport'],
      [!onTop && ![el, ...(el.labels ?? [])].some((own) => own.contains(hit)), `is covered by ${tag(hit)}`],
    ].filter(([wrong]) => wrong).map(([, words]) => words);
  };

  const tell = (el) => ['input', 'change'].forEach((kind) => el.dispatchEvent(new Event(kind, {bubbles: true})));
  const set = (el, value) => { el.value = value; tell(el); };
  const reset = (el) => {
    if (el.matches('select')) el.selectedIndex = [...el.options].findIndex((option) => option.defaultSelected);
    else if (['checkbox', 'radio'].includes(el.type)) el.checked = el.defaultChecked;
    else el.value = el.defaultValue;
    tell(el);
  };
  const live = () => [...root.querySelectorAll('[aria-live=polite], [role=status]')];
  const now = {
    value: () => String(inputsOf(unitOf(active())).map((el) => [el.value, el.checked])),
    picture: () => [...root.querySelectorAll('.cnn-view')].map((el) => el.innerHTML).join(),
    said: () => live().map((el) => el.textContent).join(),
  };
  let before, changed, regions, tall;
  const remember = () => {
    before = Object.fromEntries(Object.entries(now).map(([name, read]) => [name, read()]));
    [changed, regions] = [new Set(), live()];
  };

  return {
    count: () => units().length,
    unreached: (reached) => units().filter((_, i) => !reached.includes(i)).map(tag),
    small: (least) => { // a label counts where a press on it does what a press on its control does
      const big = ({width, height}) => Math.min(width, height) >= least;
      const targets = (el) => [el, ...(['checkbox', 'radio'].includes(el.type) ? el.labels : [])];
      return units().flatMap(inputsOf).filter((el) => kindOf(el) !== 'region')
        .filter((el) => !targets(el).some((target) => big(target.getBoundingClientRect()))).map(tag);
    },
    start: async (where) => { // at a place beside the widget, when the page above it stands still
      const start = Object.assign(document.createElement('span'), {tabIndex: -1});
      root[where](start);
      for (let still = 0, top = null; still < 3; await frame()) {
        start.focus();
        still = start.getBoundingClientRect().top === top ? still + 1 : 0;
        top = start.getBoundingClientRect().top;
      }
      tall = height();
    },
    arrive: async () => {
      const at = place();
      if (typeof at === 'string') return {at};
      for (let i = 0; i < 30 && look().length; i += 1) { // what comes near the screen moves the rest: one scrolls on
        if (height() !== tall) active().scrollIntoView({block: 'nearest', behavior: 'instant'});
        tall = height();
        await frame();
      }
      remember();
      tall = height();
      return {at, kind: kindOf(active()), submits: Boolean(active().form) && active().matches('input'), wrong: look()};
    },
    another: () => String(Number(active().value) + (Number(active().value) === Number(active().max || NaN) ? -1 : 1)),
    moved: () => now.picture() !== before.picture,
    pressed: (key) => {
      for (const name in now) if (!changed.has(name) && now[name]() !== before[name]) changed.add(name);
      const {value, min, max} = active();
      return {changed: [...changed], there: ({End: max, Home: min}[key] ?? value) === value};
    },
    reset: () => inputsOf(unitOf(active())).filter((el) => el.matches('input, select')).forEach(reset),
    leave: () => {
      tall = height();
      return {at: place(), replaced: regions.some((region) => !region.isConnected)};
    },
    stir: () => { // what Play does while a reader is elsewhere in the widget
      const other = root.querySelector('input[type=range], select');
      const [first, last] = other.matches('select') ? [0, other.options.length - 1] : [other.min, other.max];
      set(other, other.value === String(last) ? first : last);
      reset(other);
    },
    choose: ([name, option]) => {
      const named = (label) => label.querySelector('.cnn-name')?.textContent === name;
      const select = [...root.querySelectorAll('label')].find(named).querySelector('select');
      if (option === null) reset(select);
      else set(select, [...select.options].find(({text}) => text === option).value);
      remember();
    },
  };
}"""


class Walk:
    """A reader with a keyboard and no mouse at one widget.

    Args:
        page: where it stands.
        root: the widget, ready.
        needs: from how a control's name begins to (selector, option): the choice without which it changes nothing.

    Attributes:
        stops: role and name of each stop of the Tab key, in order, as the browser tells them to a screen reader.
        faults: what is wrong, in words.
    """

    def __init__(self, page, root, needs=None):
        self.page, self.here, self.needs = page, root.evaluate_handle(SCRIPT), needs or {}
        self.devtools = page.context.new_cdp_session(page)
        self.stops, self.faults = [], []

    def forth(self):
        """Go through with Tab, and note the stops."""
        self.devtools.send("Accessibility.enable")
        self._go("Tab", self._note)
        self.devtools.send("Accessibility.disable")

    def back(self):
        """Go through with Shift+Tab and move what moves; it is as it was when the focus goes on."""
        changed = set()
        self._go("Shift+Tab", lambda stop: changed.update(self._use(stop)))
        if "said" not in changed:
            self.faults.append("nothing is announced")

    def targets(self):
        """Find the targets that are too small for a finger."""
        self.faults += [f"{each} is smaller than {TARGET} by {TARGET} pixels" for each in self._ask("small", TARGET)]

    def _ask(self, what, arg=None):
        return self.here.evaluate(f"(here, arg) => here.{what}(arg)", arg)

    def _blame(self, wrong):
        self.faults.append(f"{' '.join(self._named())} {wrong}")

    def _go(self, key, at_stop):
        """Walk from one side of the widget to the other."""
        order, count, side = [], self._ask("count"), {"Tab": "before", "Shift+Tab": "after"}[key]
        self._ask("start", side)
        while len(order) <= count:
            self.page.keyboard.press(key)
            stop = self._ask("arrive")
            if stop["at"] in ("before", "after"):
                break
            order.append(stop["at"])
            for wrong in stop["wrong"]:
                self._blame(wrong)
            at_stop(stop)
        expected = list(range(count))[::1 if key == "Tab" else -1]
        self.faults += [f"{key} never reaches {each}" for each in self._ask("unreached", order)]
        if order != expected or stop["at"] == side:
            self.faults.append(f"{key} goes {order}, then {stop['at']}, not {expected} and out")

    def _note(self, stop):
        """Take down the stop, which must have a name."""
        role, name = self._named()
        self.stops.append(f"{role} {name}")
        if not name:
            self._blame("has no name")

    def _named(self):
        """Return role and name of what has the focus; a radio button has its own name and its group's."""
        role, name = self._told("document.activeElement")
        if role != "radio":
            return role, name
        return role, name and self._told("document.activeElement.closest('fieldset')")[1]

    def _told(self, expression):
        """Return role and name of an element as the browser computes them."""
        found = self.devtools.send("Runtime.evaluate", {"expression": expression})["result"]["objectId"]
        tree = self.devtools.send("Accessibility.getPartialAXTree", {"objectId": found, "fetchRelatives": False})
        node = tree["nodes"][0]
        return node["role"]["value"], node["name"]["value"]

    def _use(self, stop):
        """Press the keys that move what has the focus, and return what changed."""
        if stop["kind"] == "region":
            changed = set()
            self._ask("stir")
        else:
            changed = self._press_under_a_choice(stop)
            if not changed & SEEN:
                self._blame("changes nothing")
            if stop["kind"] not in ("play", "button") and "value" not in changed:
                self._blame("keeps its value")
        after = self._ask("leave")
        if after["at"] != stop["at"]:
            self.faults.append(f"stop {stop['at'] + 1} loses the focus")
        if after["replaced"]:
            self._blame("replaces the live region")
        return changed

    def _press_under_a_choice(self, stop):
        """Press all keys, under the choice that the control needs if it needs one, and return what changed."""
        keys = KEYS[stop["kind"]] + ["Enter"] * stop["submits"]
        name = self._named()[1] if self.needs else ""
        need = next((choice for start, choice in self.needs.items() if name.startswith(start)), None)
        if not need:
            return self._press_all(stop, keys)
        if self._press_all(stop, keys[:1]) & SEEN:
            self._blame(f"does not need {need}")
        self._ask("choose", need)
        changed = self._press_all(stop, keys)
        self._ask("choose", [need[0], None])
        return changed

    def _press_all(self, stop, keys):
        """Press keys, put the control back, and return what changed at one of them at least."""
        changed = set()
        for key in keys:
            if key == "new":
                self.page.keyboard.press("ControlOrMeta+a")
                self.page.keyboard.type(self._ask("another"))
            else:
                self.page.keyboard.press(key)
            if stop["kind"] == "play":
                self._pause()
            after = self._ask("pressed", key)
            changed = set(after["changed"])
            if not after["there"]:
                self._blame(f"does not go to its end with {key}")
            if stop["kind"] == "button" and changed:
                break
        self._ask("reset")
        return changed

    def _pause(self):
        """Wait until the picture has moved, and stop it."""
        wait_until(self.page, "(here) => here.moved()", self.here)
        self.page.keyboard.press("Space")
