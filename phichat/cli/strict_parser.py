"""Python's argparse, with its sentences in the user's language, and stricter."""

import argparse
import re
from typing import Any, NoReturn

from phichat.i18n import N_, tr

_NO_OPTION = re.compile("--?[^A-Za-z-]")

SENTENCES = (
    N_("usage: "),
    N_("positional arguments"),
    N_("options"),
    N_("show this help message and exit"),
    N_("show program's version number and exit"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("the following arguments are required: %s"),
    N_("unrecognized arguments: %s"),
    N_("expected one argument"),
    N_("expected at least one argument"),
    N_("expected at most one argument"),
    N_("ignored explicit argument %r"),
    N_("not allowed with argument %s"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid %(type)s value: %(value)r"),
)
"""What our parsers can say; other versions of Python may word some differently, which stays English then."""


def translate() -> None:
    """Have argparse translate as the program does: it looks for translations of its own in files we have none of."""
    argparse._ = lambda message: tr(message) if message else message  # type: ignore[attr-defined]


class Parser(argparse.ArgumentParser):
    """Reports errors on one line, and takes no abbreviated options, which would break when options are added."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **values})
        self.set_defaults(parser=self)  # of the innermost command, for errors that show when all options are known

    def _parse_optional(self, arg_string: str) -> Any:
        """Take what begins like no option of ours for a word, such as `-5+3`."""
        return None if _NO_OPTION.match(arg_string) else super()._parse_optional(arg_string)

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, tr("{message}. See `{program} --help`.").format(message=message, program=self.prog) + "\n")
