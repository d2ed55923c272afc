"""The workflows keep our rules, and the check finds what does not."""

from pathlib import Path

import pytest
from smoke import workflows

GOOD = """
permissions: {}
concurrency: one
jobs:
  build:
    permissions: {}
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789 # v1.2.3
        with:
          persist-credentials: false
      - run: echo "$NAME"
        env:
          NAME: ${{ github.head_ref }}
"""


@pytest.mark.parametrize("file", sorted(workflows.FOLDER.glob("*.yml")), ids=lambda file: file.name)
def test_ours_keep_them(file: Path) -> None:
    assert not list(workflows.faults(file.read_text("utf-8")))


def test_there_are_those_that_the_readme_names() -> None:
    assert {file.name for file in workflows.FOLDER.glob("*.yml")} >= {"tests.yml", "release.yml"}


@pytest.mark.parametrize(
    ("there", "instead", "fault"),
    [
        ("permissions: {}\ncon", "con", "does not begin with"),
        ("\nconcurrency: one", "", "runs at the same time"),
        ("    permissions: {}\n", "", "build: it does not say what it may do"),
        ("    timeout-minutes: 5\n", "", "build: it may run for ever"),
        ("@0123456789012345678901234567890123456789 # v1.2.3", "@v1", "not pinned"),
        ("9 # v1.2.3", "9", "not pinned"),
        ("persist-credentials: false", "fetch-depth: 1", "leaves its token behind"),
        ("$NAME", "${{ github.head_ref }}", "written into a shell"),
        ("\npermissions", "\non: pull_request_target\npermissions", "on what strangers send"),
    ],
)
def test_what_is_wrong_is_found(there: str, instead: str, fault: str) -> None:
    assert not list(workflows.faults(GOOD))
    assert there in GOOD
    assert [found for found in workflows.faults(GOOD.replace(there, instead, 1)) if fault in found]
