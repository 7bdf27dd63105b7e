"""What is wrong in a TOML file, in words: each mistake's line, field, value, and what is valid."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sis_edge.errors import UsageError, nearest
from sis_edge.files import bounded
from sis_edge.files.toml_lines import Place, line_of, places
from sis_edge.text.foreign import printable

EXAMPLES = {
    "compute_capability": '"8.7"',
    "compute_capabilities": '"8.6"',
    "jetpack": '"6.2"',
    "python": '"3.10"',
    "packages": '"numpy==1.26.4"',
}
"""What a text of a certain form looks like, by the field's name."""

KINDS = {"string": "a text", "bool": "true or false", "int": "a whole number", "float": "a number", "list": "a list"}
"""What a value should be, by the first word of pydantic's kind of mistake."""


Model = TypeVar("Model", bound=BaseModel)


def load_toml(path: Path, what: str, model: type[Model], advice: str = "") -> tuple[Model, str]:
    """A TOML file as that model, and its text; `advice` goes on where it cannot be read.

    Raises UsageError that says `what` it should be, and names the file, the line, the field and what is wrong with it.
    """
    try:
        text = bounded.read(path).decode("utf-8")
        return model.model_validate(tomllib.loads(text)), text
    except OSError as error:
        raise UsageError(f"the {what} {path} cannot be read ({error.strerror}){advice}") from None
    except ValidationError as error:
        found = printable("; ".join(sentences(text, error, model)))
        raise UsageError(f"the {what} {path} does not fit: {found}") from None
    except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise UsageError(f"the {what} {path} is not TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"the {what} {path} is not TOML: it is nested too deeply") from None


def sentences(text: str, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Each mistake with its line and field, in the file's order; `model` is what the whole file should be."""
    known = places(text)
    found = []
    for item in error.errors(include_url=False):
        place, message = item["loc"], mistake(item, model)
        field = ".".join(map(str, place))
        # Two places that do not agree: the sentence begins with the one to look at.
        named = (*place, *message.split(" ")[0].split("."))
        if item["type"] == "value_error" and named in known:
            place = named
        found.append((line_of(text, place), f"{field}: {message}" if field else message))
    return [f"line {line}, {sentence}" for line, sentence in sorted(found, key=lambda mistake: mistake[0])]


def mistake(item: Mapping[str, Any], model: type[BaseModel]) -> str:
    """What is wrong with a field, of one of pydantic's errors for the model."""
    place, value = item["loc"], item["input"]
    kind, message = str(item["type"]), str(item["msg"])
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "missing":
        return "it is missing"
    if kind == "extra_forbidden":
        names = _fields(model, place[:-1])
        meant = " or ".join(nearest(str(place[-1]), names))
        known = f"; known here: {', '.join(names)}" if names else ""
        return f"there is no such field{known}{f'; did you mean {meant}?' if meant else ''}"
    if kind == "string_pattern_mismatch":
        field = next(part for part in reversed(place) if isinstance(part, str))
        return f"it is {_shown(value)}, and must look like {EXAMPLES[field]}"
    if message.startswith("Input should be "):
        wanted = KINDS.get(kind.split("_")[0], message.removeprefix("Input should be "))
        return f"it is {_shown(value)}, and must be {wanted}"
    return f"{message[:1].lower()}{message[1:].replace(' after validation', '')}"


def _fields(model: type[BaseModel], place: Place) -> list[str]:
    """The fields of a table."""
    is_named = False  # a table of tables: the next part is the user's own name of one
    for part in place:
        if isinstance(part, str) and not is_named:
            annotation = model.model_fields[part].annotation
            inner = next(_models(annotation), None)
            if inner is None:
                return []
            model, is_named = inner, get_origin(annotation) is dict
        else:
            is_named = False
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _shown(value: Any) -> str:
    return json.dumps(value, default=str) if not isinstance(value, dict) else "a table"
