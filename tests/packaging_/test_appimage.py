"""An AppImage has the very runtime that was chosen, and no other."""

import hashlib
import platform
from pathlib import Path

import pytest
from building.project import Trouble
from targets import appimage


def test_only_the_runtime_that_was_chosen_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, sums = tmp_path / "runtime", tmp_path / "sums"
    runtime.write_bytes(b"ELF of a kind")
    with pytest.raises(Trouble, match="is not the runtime-"):
        appimage.runtime_of(runtime)
    sums.write_text(f"{hashlib.sha256(b'ELF of a kind').hexdigest()}  runtime-{platform.machine()}\n")
    monkeypatch.setattr(appimage, "SUMS", sums)
    assert appimage.runtime_of(runtime) == b"ELF of a kind"
