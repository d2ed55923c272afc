"""The catalogue: which models come first, and what is said of each."""

import pytest

from phichat.chat.sampling import SETTINGS, Sampling
from phichat.models.catalogue import CATALOGUE, KnownModel
from phichat.models.found import Group, group_of
from phichat.models.hub_address import HubAddress, parse_hub_address
from phichat.models.hub_files import is_usable


def test_the_phis_come_first() -> None:
    titles = [known.title for known in CATALOGUE.values()]
    assert titles[:4] == ["Phi-3 Mini", "Phi-3.5 Mini", "Phi-4 Mini", "Phi-4 Mini Reasoning"]
    assert len(titles) >= 16


@pytest.mark.parametrize("known", CATALOGUE.values(), ids=lambda known: known.name)
def test_each_can_be_named_downloaded_and_sampled(known: KnownModel) -> None:
    assert parse_hub_address(known.remote.name) == HubAddress(known.repo, known.file)
    assert is_usable(known.file)
    assert group_of(known.file) in {Group.BALANCED, Group.LARGE}
    assert known.licence
    assert 200_000_000 < known.bytes < 8_000_000_000
    assert {name for name, _ in known.sampling} <= {setting.name for setting in SETTINGS}
    chosen = Sampling().with_values(dict(known.sampling))
    assert {name: getattr(chosen, name) for name, _ in known.sampling} == dict(known.sampling)


def test_each_but_the_older_ones_says_what_it_is_good_at() -> None:
    silent = [known.name for known in CATALOGUE.values() if not known.good_at]
    assert all(name.startswith(("phi-3-mini", "phi-3.1")) for name in silent)
