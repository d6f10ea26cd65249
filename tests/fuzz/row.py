"""What the table of the fuzz is made of: a call, and a row that says how to make calls of a function and judge them."""
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis.strategies import SearchStrategy


class Unjudged(Exception):
    """Raised by a judge that has no answer for an input; then the rules that hold for all functions are what counts."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """The arguments of one call.

    Attributes:
        args: positional arguments by name, in order.
        options: keyword arguments.
        harmed: names of the arguments that were replaced by something wild.
    """

    args: dict
    options: dict = field(default_factory=dict)
    harmed: tuple = ()

    def of(self, function):
        """Return what the function answers."""
        return function(*self.args.values(), **self.options)

    def mapped(self, change):
        """Return the call with every argument changed."""
        args, options = ({name: change(value) for name, value in each.items()} for each in (self.args, self.options))
        return Call(args=args, options=options, harmed=self.harmed)

    def replaced(self, name, value):
        """Return the call with one argument replaced."""
        args, options = ({**each, name: value} if name in each else each for each in (self.args, self.options))
        return Call(args=args, options=options, harmed=(*self.harmed, name))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One function of the table.

    Attributes:
        name: public name with its part of cnnlib, such as "scratch.relu".
        function: what is called.
        calls: strategy of calls that the function must accept, unless ``right`` refuses them too.
        right: called as the function; returns what is right, raises ValueError or RuntimeError where it refuses, and
            Unjudged where it does not know. None: there is no such judge.
        check: called with the result and the arguments; asserts what must be true of it. None: nothing.
        says: names that an error may begin with; those of the functions that this one calls count as well.
        changes: arguments that the function is documented to change.
        tame: arguments that say how much work is to be done; they are never made huge.
        random: True where two calls give two answers.
        divisors: arguments with which NumPy says, where they are 0, that it divides by 0.
        wild: False where the calls are wild enough; then no argument is replaced.
        held: arguments that are those of the row's own function, and never replaced.
    """

    name: str
    function: Callable
    calls: SearchStrategy
    right: Callable | None = None
    check: Callable | None = None
    says: tuple = ()
    changes: tuple = ()
    tame: tuple = ()
    random: bool = False
    divisors: tuple = ()
    wild: bool = True
    held: tuple = ()

    @property
    def prefixes(self):
        """What an error may begin with."""
        return (self.name.rpartition(".")[2], *self.says)
