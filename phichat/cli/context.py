"""What a command runs with: its options, the folders, the console, and models and an engine if it needs them."""

import argparse
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from phichat.chat.sampling import PRESETS, SETTINGS, Sampling
from phichat.cli.console import Console
from phichat.engine.base import Engine
from phichat.errors import ModelMissing
from phichat.paths import Home

if TYPE_CHECKING:
    from phichat.engine.remote.servers import ServerList
    from phichat.models.library import Library, ModelFile
    from phichat.models.manager import HubModelManager


@dataclass
class Context:
    """The parts that commands share. Models are looked for and the engine made only when a command asks for them."""

    options: argparse.Namespace
    home: Home
    console: Console
    make_engine: Callable[[Home], Engine]

    @cached_property
    def library(self) -> "Library":
        """The models on this disk."""
        from phichat.models.library import Library  # noqa: PLC0415 - the window looks for models once it is open

        return Library(self.home)

    @cached_property
    def manager(self) -> "HubModelManager":
        """The models on this disk and on the Hub."""
        from phichat.models.manager import make_model_manager  # noqa: PLC0415 - brings the HTTP client

        return make_model_manager(self.home, self.library)

    @cached_property
    def servers(self) -> "ServerList":
        """The servers that the user added."""
        from phichat.engine.remote.servers import make_server_list  # noqa: PLC0415 - most commands need none

        return make_server_list(self.home)

    def find_model(self, named: str) -> "ModelFile":
        """Return the model on this computer that is named. Raise ModelMissing, or ServerError for one on a server."""
        try:
            return self.library.find_model(named)
        except ModelMissing:
            if self.home.servers.exists():
                from phichat.cli.server_models import refuse_server_model  # noqa: PLC0415 - only for servers

                refuse_server_model(named, self.servers)
            raise

    def engine(self) -> closing[Engine]:
        """Return a new engine, to be used in a `with` statement, which closes it."""
        return closing(self.make_engine(self.home))


USUAL_CONTEXT = 4096


def context_of(options: argparse.Namespace) -> int:
    """Return the context to ask for, in tokens."""
    return options.context or USUAL_CONTEXT


def sampling_of(options: argparse.Namespace) -> Sampling:
    """Return the settings of the chosen preset, with those of the other options."""
    given = {setting.name: getattr(options, setting.name) for setting in SETTINGS}
    values = {name: value for name, value in given.items() if value is not None}
    fixed = {"seed": options.seed, "thinking": options.think}
    return Sampling(**{**vars(PRESETS[options.preset].sampling), **values, **fixed}).with_values(
        {"stop": options.stop, "forbidden": options.forbidden}
    )
