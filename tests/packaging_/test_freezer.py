"""What the bundle is made of."""

import tomllib

from building import freezer
from building.project import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def test_all_that_is_needed_is_pinned_to_a_version_that_will_do() -> None:
    lines = [line for line in freezer.REQUIREMENTS.read_text("utf-8").splitlines() if line and line[0] != "#"]
    pinned = {canonicalize_name(Requirement(line).name): Requirement(line).specifier for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for need in map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["server"]]):
        name = canonicalize_name(need.name)
        if name != "llama-cpp-python" and (need.marker is None or need.marker.evaluate()):  # that is `build.py wheel`'s
            (exact,) = pinned[name]
            assert exact.operator == "=="
            assert need.specifier.contains(exact.version), f"{need} is pinned to {exact}"
