"""The parameters in a request's body: read as JSON, and each checked when it is taken."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from phichat.i18n import format_number, tr
from phichat.server.api_error import bad_request
from phichat.unicode import replace_surrogates


class Parameters:
    """The members of a JSON object; null counts as absent. What is not as it should be is an ApiError.

    Attributes:
        values: all of them, as they came.
    """

    def __init__(self, values: Mapping[str, Any], within: str = "") -> None:
        """`within` is where the object stands in the body, such as `messages[0]`."""
        self.values, self._within = values, within

    @classmethod
    def of_body(cls, body: bytes) -> "Parameters":
        """Return the parameters in `body`."""
        try:
            values = json.loads(body, parse_constant=_refuse_constant)
        except RecursionError:
            raise bad_request(tr("The JSON in this request is nested too deeply.")) from None
        except ValueError:
            raise bad_request(tr("The body of this request isn’t valid JSON.")) from None
        if not isinstance(values, dict):
            raise bad_request(tr("The body of this request isn’t a JSON object."))
        return cls(values)

    def name(self, member: str) -> str:
        """Return what errors call a member."""
        return f"{self._within}.{member}" if self._within else member

    def has(self, member: str) -> bool:
        """Return whether a member is there."""
        return self.values.get(member) is not None

    def number(self, member: str, low: float, high: float, default: float) -> float:
        """Return a number from `low` to `high`."""
        value = self.values.get(member)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            limits = {"low": format_number(low), "high": format_number(high)}
            self._refuse(member, tr("“{name}” must be a number from {low} to {high}."), **limits)
        return float(value)

    def whole(self, member: str, low: int, high: int, default: int) -> int:
        """Return a whole number from `low` to `high`."""
        value = self.values.get(member)
        if value is None:
            return default
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        is_whole = is_whole or (isinstance(value, float) and value.is_integer())
        if not is_whole or not low <= value <= high:
            limits = {"low": format_number(low), "high": format_number(high)}
            self._refuse(member, tr("“{name}” must be a whole number from {low} to {high}."), **limits)
        return int(value)

    def flag(self, member: str) -> bool:
        """Return a truth value; False if it is absent."""
        value = self.values.get(member)
        if not isinstance(value, bool | None):
            self._refuse(member, tr("“{name}” must be true or false."))
        return bool(value)

    def text(self, member: str, default: str = "") -> str:
        """Return a text, without lone surrogates."""
        value = self.values.get(member)
        if value is None:
            return default
        if not isinstance(value, str):
            self._refuse(member, tr("“{name}” must be a string."))
        return replace_surrogates(value)

    def texts(self, member: str, most: int, longest: int) -> tuple[str, ...]:
        """Return the texts in a list, or the only one: at most `most`, each with at most `longest` characters."""
        value = self.values.get(member)
        found = [value] if isinstance(value, str) else [] if value is None else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            self._refuse(member, tr("“{name}” must be a string or a list of strings."))
        if len(found) > most or any(len(each) > longest for each in found):
            limits = {"most": format_number(most), "longest": format_number(longest)}
            self._refuse(
                member, tr("“{name}” can have up to {most} strings of up to {longest} characters each."), **limits
            )
        return tuple(replace_surrogates(each) for each in found)

    def object(self, member: str) -> "Parameters":
        """Return an object; an empty one if it is absent."""
        value = self.values.get(member)
        if not isinstance(value, dict | None):
            self._refuse(member, tr("“{name}” must be an object."))
        return Parameters(value or {}, self.name(member))

    def objects(self, member: str) -> "list[Parameters]":
        """Return the objects in a list, which may be empty but not absent."""
        value = self.values.get(member)
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            self._refuse(member, tr("“{name}” must be a list of objects."))
        return [Parameters(each, f"{self.name(member)}[{number}]") for number, each in enumerate(value)]

    def refuse(self, *members: str) -> None:
        """Raise an ApiError if one of `members`, which nothing here can honor, asks for something."""
        for member in members:
            if self.values.get(member):
                self._refuse(member, tr("This server doesn’t support “{name}”."))

    def _refuse(self, member: str, sentence: str, **values: str) -> NoReturn:
        name = self.name(member)
        raise bad_request(sentence.format(name=name, **values), name)


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and infinity are no JSON")
