"""The sentences of Python's argparse, in the user's language."""

import argparse

from phichat.i18n import N_, tr

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
