"""Changes of a recipe as text: `cutout=8,ema_decay=0.999`, for the command line."""

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any, get_args

from sis_edge.errors import UsageError, unknown
from sis_edge.training.recipe import USUAL_REWIRING, Optimizer, Precision, Recipe

DEFAULT = "default"
"""The text that changes nothing."""

_CHOICES = {"optimizer": get_args(Optimizer), "precision": get_args(Precision)}
_NOT_SET_HERE = ("teacher_sha256",)


def changed(recipe: Recipe, text: str | None, *, teacher: str | None = None, rewires: bool = False) -> Recipe:
    """The recipe with the settings of `text`: names and values of its fields; `sides` are joined by `+`.

    `teacher` and `rewires` are options of their own: a teacher, and rewiring with the usual share.

    Raises UsageError for an unknown setting, one that is given twice, a value that it cannot have, and one that does
    nothing because another is off.

    """
    given = settings(DEFAULT if text is None else text)
    if teacher and "teacher" in given:
        raise UsageError(f"--teacher {teacher} and --recipe teacher={given['teacher']} exclude each other")
    found = replace(recipe, **given)
    rewire = found.rewire or (USUAL_REWIRING if rewires else 0.0)
    found = replace(found, teacher=teacher or found.teacher, rewire=rewire)
    for name in given:
        switch = found.switch_of(name)
        if switch != name and not getattr(found, switch):
            raise UsageError(f"recipe setting {name} does nothing without {switch}; add {switch}=VALUE")
    return found


def apart(texts: Collection[str]) -> tuple[str, dict[str, str]]:
    """What all of several recipes set, and what each sets besides; of one alone everything is its own.

    >>> apart(["epochs=4", "epochs=4,cutout=8"])
    ('epochs=4', {'epochs=4': '', 'epochs=4,cutout=8': 'cutout=8'})
    """
    words = {text: [] if text.strip() == DEFAULT else _words(text) for text in texts}
    first, *others = words.values()
    common = [word for word in first if others and all(word in other for other in others)]
    besides = {text: [word for word in own if word not in common] for text, own in words.items()}
    return ", ".join(common), {text: ", ".join(own) for text, own in besides.items()}


def settings(text: str) -> dict[str, Any]:
    """The fields of a recipe that a text sets, and their values; none for `default`."""
    if text.strip() == DEFAULT:
        return {}
    kinds = {field.name: type(field.default) for field in fields(Recipe) if field.name not in _NOT_SET_HERE}
    values: dict[str, Any] = {}
    for word in _words(text):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals:
            raise UsageError(f"'{word}' sets nothing; write NAME=VALUE, such as cutout=8, or {DEFAULT}")
        if name not in kinds:
            raise unknown("recipe setting", name, kinds)
        if name in values:
            raise UsageError(f"recipe setting {name} is given twice in '{text}'; give it once")
        values[name] = _value(name, value, kinds[name])
    if not values:
        raise UsageError(f"'{text}' sets nothing; write NAME=VALUE, such as cutout=8, or {DEFAULT}")
    return values


def _words(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.split(",")) if word]


def _value(name: str, text: str, kind: type) -> Any:
    """A text as a field's value; raises UsageError for one that is not of its kind."""
    known: tuple[str, ...] = ("true", "false") if kind is bool else _CHOICES.get(name, ())
    if known:
        if text not in known:
            raise UsageError(f"recipe setting {name} is '{text}', and must be {' or '.join(known)}")
        return text == "true" if kind is bool else text
    try:
        if kind is tuple:
            return tuple(int(side) for side in text.split("+")) if text else ()
        return kind(text)
    except ValueError:
        what = {int: "a whole number", float: "a number", tuple: "sides in pixels, such as 24+24+32"}[kind]
        raise UsageError(f"recipe setting {name} is '{text}', and must be {what}") from None
