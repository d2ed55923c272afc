"""What is run to make the disk image for macOS, which can be run nowhere else."""

from pathlib import Path, PurePath

from targets.dmg import Command, code, notarising, notary_keys, packing, signing

IDENTITY = "Developer ID Application: Somebody (ABCDE12345)"
MACH_O = bytes.fromhex("cffaedfe")
APP = Path("/b/Phichat.app")
QT = APP / "Contents/Frameworks/PySide6/Qt/lib/QtCore.framework"


def test_what_is_inside_is_signed_before_what_is_around_it() -> None:
    library, core = APP / "Contents/Frameworks/libpython3.13.dylib", QT / "Versions/A/QtCore"
    commands = signing(APP, [library, core], IDENTITY)
    order = [command[-1] for command in commands]
    assert order == [core, library, QT, APP, APP]
    assert all({"--options", "runtime", "--timestamp"} <= set(command) for command in commands[:-1])
    assert [_has_entitlements(command) for command in commands] == [False, False, False, True, False]
    assert commands[-1][:2] == ("codesign", "--verify")


def test_without_a_certificate_libraries_need_no_common_signer() -> None:
    for command in signing(APP, [QT / "Versions/A/QtCore"], "")[:-1]:
        assert command[:4] == ("codesign", "--force", "--sign", "-")
        assert "runtime" not in command
    assert len(packing(APP.parent, Path("/d/Phichat.dmg"), "")) == 1


def test_code_is_what_the_system_runs(tmp_path: Path) -> None:
    contents = tmp_path / "Phichat.app" / "Contents"
    for name, start in (("MacOS/phichat", MACH_O), ("Frameworks/a.so", MACH_O), ("Resources/fr.po", b"msgid")):
        (contents / name).parent.mkdir(parents=True)
        (contents / name).write_bytes(start + bytes(9))
    (contents / "Resources" / "a.so").symlink_to("../Frameworks/a.so")
    assert code(contents.parent) == [contents / "Frameworks" / "a.so"]


def test_apple_is_asked_only_with_all_keys() -> None:
    known = {"MACOS_NOTARY_KEY": "/k.p8", "MACOS_NOTARY_KEY_ID": "A1", "MACOS_NOTARY_ISSUER": "i"}
    assert notary_keys(known) == ["--key", "/k.p8", "--key-id", "A1", "--issuer", "i"]
    assert notary_keys({**known, "MACOS_NOTARY_ISSUER": ""}) == []


def test_an_application_is_sent_packed_and_an_image_as_it_is() -> None:
    parcel, image = Path("/w/Phichat.zip"), Path("/d/Phichat.dmg")
    assert [_tool(command) for command in notarising(APP, parcel, [])] == ["ditto", "notarytool", "stapler"]
    assert [_tool(command) for command in notarising(image, image, [])] == ["notarytool", "stapler"]


def _has_entitlements(command: Command) -> bool:
    return any(PurePath(word).name == "entitlements.plist" for word in command)


def _tool(command: Command) -> str | Path:
    return command[1] if command[0] == "xcrun" else command[0]
