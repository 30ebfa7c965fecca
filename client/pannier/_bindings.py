"""Bindings: a function's arguments by name, and everything that a decorator derives from them.

What a decorator is given may be a template over the arguments or a callable. A callable names the arguments that it
wants, as the function does; it may also ask for `result` (what the function returned, where there is one) and for
`arguments` (all of them in one mapping). Names that do not exist fail when the function is decorated.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pannier._keys import Template, lane_tag, spelled
from pannier.errors import BadRequest, Misconfigured

__all__ = ["Arguments", "Binding", "Choice", "Choices", "Source"]

T = TypeVar("T")

Arguments = dict[str, Any]
Source = Callable[[Arguments], T]
Choice = str | Callable[..., str | bytes]  # a template, or a callable that makes the text
Choices = str | Sequence[str] | Callable[..., str | bytes | Sequence[str]]  # one or many templates, or a callable

_RECEIVERS = ("self", "cls")


class _Plain(NamedTuple):
    """A signature without `*args` and `**kwargs`, of which a call by position is bound without `inspect`.

    Attributes:
        names: Of all parameters, those that are passed by position first.
        defaults: Of the parameters from `required` on.
        required: How many arguments there must be.
        most: How many there can be by position.
    """

    names: tuple[str, ...]
    defaults: tuple[Any, ...]
    required: int
    most: int

    @classmethod
    def of(cls, signature: inspect.Signature) -> _Plain | None:
        """None, where a call by position cannot be enough."""
        parameters = signature.parameters.values()
        by_position = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
        by_name = [one for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is not one.empty]
        if len(by_position) + len(by_name) != len(parameters):
            return None
        defaults = tuple(one.default for one in parameters if one.default is not one.empty)
        return cls(tuple(signature.parameters), defaults, len(parameters) - len(defaults), len(by_position))


class Binding:
    """One decorated function's parameters."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Read the signature."""
        self._signature = inspect.signature(function)
        self._name = f"{function.__module__}.{function.__qualname__}"
        parameters = list(self._signature.parameters)
        is_method = "." in function.__qualname__ and function.__qualname__.rsplit(".", 2)[-2] != "<locals>"
        # `self` or `cls`, which says nothing about the result that the other arguments do not.
        self.receiver = parameters[0] if is_method and parameters and parameters[0] in _RECEIVERS else ""
        self._known = frozenset(parameters)
        self._plain = _Plain.of(self._signature)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        """The arguments by name, defaults applied. Raises TypeError as the function itself would."""
        plain = self._plain
        if plain is not None and not kwargs and plain.required <= len(args) <= plain.most:
            values = args + plain.defaults[len(args) - plain.required :]
            return dict(zip(plain.names, values))  # noqa: B905 - as many, and to look costs as much as to bind
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def key(self, choice: Choice | None) -> Source[str | bytes]:
        """How a call's key is made.

        Raises:
            Misconfigured: The template or the callable does not fit the function.
        """
        if choice is None:
            return self._spelled_key
        if isinstance(choice, str):
            return self._template(choice, self._known).fill
        return self.callable(choice)

    def is_of_arguments_alone(self, choice: Choice | None) -> bool:
        """Whether a key made so is the same for equal arguments, whoever the receiver is. Raises as `key` does."""
        if choice is None:
            return True
        return isinstance(choice, str) and self.receiver not in self._template(choice, self._known).names

    def texts(self, choices: Choices, *, with_result: bool = False) -> Source[list[str]]:
        """How a call's tags, keys or patterns are made. Raises as `key` does."""
        if callable(choices):
            make = self.callable(choices, with_result=with_result)
            return lambda arguments: _as_list(make(arguments))
        known = self._known | {"result"} if with_result else self._known
        templates = [self._template(text, known) for text in _as_list(choices)]
        return lambda arguments: [template.fill(arguments) for template in templates]

    def tags(self, choices: Choices, *, with_result: bool) -> Source[list[str]]:
        """How a call's tags are made: as texts, shortened where arguments make them too long."""
        texts = self.texts(choices, with_result=with_result)
        return lambda arguments: [lane_tag(text) for text in texts(arguments)]

    def callable(self, function: Callable[..., T], *, with_result: bool = False) -> Source[T]:
        """Call it with what it names of the arguments.

        Raises:
            Misconfigured: It names something that there is not.
        """
        offered = self._known | {"arguments"} | ({"result"} if with_result else set())
        wanted, takes_all = _wanted(function, offered, self._name)

        def call(arguments: Arguments) -> T:
            given = {name: value for name, value in arguments.items() if takes_all or name in wanted}
            if "arguments" in wanted:
                given.setdefault("arguments", arguments)
            return function(**given)

        return call

    def _template(self, text: str, known: frozenset[str]) -> Template:
        try:
            return Template(text, known)
        except Misconfigured as error:
            raise Misconfigured(f"{self._name}: {error.detail}") from error

    def _spelled_key(self, arguments: Arguments) -> str:
        values = (f"{name}={spelled(value)}" for name, value in arguments.items() if name != self.receiver)
        return f"{self._name}({','.join(values)})"

    def __repr__(self) -> str:
        """The function's name."""
        return f"<Binding {self._name}>"


def _wanted(function: Callable[..., Any], offered: frozenset[str], name: str) -> tuple[list[str], bool]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError as error:
        raise Misconfigured(f"{function!r} does not say which arguments it wants: wrap it in a lambda") from error
    wanted = [
        parameter.name
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    unknown = [
        parameter.name
        for parameter in parameters
        if parameter.name in wanted and parameter.name not in offered and parameter.default is parameter.empty
    ]
    if unknown:
        raise Misconfigured(f"{name}: a callable wants {', '.join(unknown)}; there are: {', '.join(sorted(offered))}")
    return wanted, any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _as_list(texts: Any) -> list[str]:
    found: list[Any] = [texts] if isinstance(texts, (str, bytes)) else list(texts)
    for text in found:
        if not isinstance(text, str):
            raise BadRequest(f"expected text: {text!r:.80}")
    return found
