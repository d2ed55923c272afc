"""Counting instructions of which old processors know nothing, and the glibc that libraries ask for."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from building import libraries
from building.project import Trouble

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, ("gcc", "objdump", "readelf"))), reason="needs Debian's tools"
)
X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="they are x86-64's")


def compiled(folder: Path, source: str, *options: str) -> Path:
    library = folder / "library.so"
    (folder / "source.c").write_text(source)
    subprocess.run(["gcc", "-shared", "-fPIC", *options, folder / "source.c", "-o", library], check=True)
    return library


@X86
@pytest.mark.parametrize(
    ("instruction", "families"),
    [
        ("addps %xmm1, %xmm0", set()),
        ("vaddps %ymm2, %ymm1, %ymm0", {"AVX"}),
        ("vaddps %zmm2, %zmm1, %zmm0", {"AVX", "AVX-512"}),
        ("vaddps %ymm2, %ymm1, %ymm17", {"AVX", "AVX-512"}),
        ("vpternlogd $1, %xmm2, %xmm1, %xmm0", {"AVX", "AVX-512"}),
        ("kmovw %eax, %k1", {"AVX", "AVX-512"}),
        ("tdpbssd %tmm2, %tmm1, %tmm0", {"AVX", "AMX"}),
    ],
)
def test_instructions_are_told_apart(tmp_path: Path, instruction: str, families: set[str]) -> None:
    library = compiled(tmp_path, f'void f(void) {{ __asm__("{instruction}"); }}')
    assert {family for family, count in libraries.instructions(library).items() if count} == families


def test_the_newest_glibc_and_who_asks_for_it_are_found(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("GLIBC_9.99")
    library = compiled(tmp_path, "#include <stdlib.h>\nvoid *f(void) { return malloc(1); }")
    newest, users = libraries.newest_glibc(tmp_path)
    assert (2, 2) <= newest <= (2, 99)
    assert users == [library]


def test_what_is_no_library_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("none")
    with pytest.raises(Trouble, match="objdump cannot read"):
        libraries.instructions(tmp_path / "text.so")
