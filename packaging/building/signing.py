"""Signs programs for Windows, where the environment has a certificate.

WINDOWS_CERTIFICATE is a .pfx file, WINDOWS_CERTIFICATE_PASSWORD its password, WINDOWS_TIMESTAMP a server that attests
the time, without which a signature ends with its certificate. `python -m building.signing FILE` signs one file.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from building.project import Trouble, epoch, need

PASSWORD = "WINDOWS_CERTIFICATE_PASSWORD"  # noqa: S105 - the name of the variable


def can_sign() -> bool:
    """Whether there is a certificate."""
    return bool(os.environ.get("WINDOWS_CERTIFICATE"))


def sign(file: Path) -> None:
    """Sign `file`, in place of any signature it has."""
    certificate = Path(os.environ["WINDOWS_CERTIFICATE"])
    if not certificate.is_file():
        raise Trouble(f"WINDOWS_CERTIFICATE names {certificate}, which is no file.")
    (_signtool if shutil.which("signtool") else _osslsigncode)(certificate, file)


def _signtool(certificate: Path, file: Path) -> None:
    server = os.environ.get("WINDOWS_TIMESTAMP")
    attested = ["/tr", server, "/td", "sha256"] if server else []
    protected = ["/p", os.environ[PASSWORD]] if os.environ.get(PASSWORD) else []
    _run(["signtool", "sign", "/q", "/fd", "sha256", "/f", str(certificate), *protected, *attested, str(file)])


def _osslsigncode(certificate: Path, file: Path) -> None:
    need("osslsigncode")
    server = os.environ.get("WINDOWS_TIMESTAMP")
    attested = ["-ts", server] if server else ["-time", str(epoch())]  # so that two builds are alike
    protected = ["-readpass", "/dev/stdin"] if os.environ.get(PASSWORD) else []
    signed = file.with_name(f"{file.name}.signed")
    command = ["osslsigncode", "sign", "-pkcs12", str(certificate), *protected, "-h", "sha256", "-n", "Phichat"]
    _run([*command, *attested, "-in", str(file), "-out", str(signed)])
    signed.replace(file)


def _run(command: list[str]) -> None:
    """Run it with the password as its input, where other programs cannot see it; its words only if it fails."""
    password = os.environ.get(PASSWORD, "")
    done = subprocess.run(command, input=password, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{command[0]} could not sign {command[-1]}: {(done.stderr + done.stdout).strip()[-500:]}")


if __name__ == "__main__":
    sign(Path(sys.argv[1]))
