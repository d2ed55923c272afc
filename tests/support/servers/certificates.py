"""A certificate authority that exists for one test."""

import ipaddress
import shutil
import ssl
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Vouches for servers on this computer. It is made with the `openssl` command.

    Attributes:
        certificate: the file to trust.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.certificate = folder, folder / "authority.pem"
        self._write("authority.cnf", _section("CA:TRUE", "keyCertSign,cRLSign"))
        self._run("req", *CURVE, "-subj", "/CN=Test authority", "-keyout", "authority.key", "-out", "authority.csr")
        self._sign("authority", "-signkey", "authority.key")

    def server_context(self, *hosts: str) -> ssl.SSLContext:
        """For a server of these names and addresses."""
        names = ",".join(f"IP:{host}" if _is_address(host) else f"DNS:{host}" for host in hosts)
        usage = _section("CA:FALSE", "digitalSignature") + f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n"
        self._write("server.cnf", usage)
        self._run("req", *CURVE, "-subj", f"/CN={hosts[0]}", "-keyout", "server.key", "-out", "server.csr")
        self._sign("server", "-CA", "authority.pem", "-CAkey", "authority.key", "-set_serial", "2")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "server.pem", self._folder / "server.key")
        return context

    def _sign(self, name: str, *by: str) -> None:
        files = ("-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", f"{name}.cnf")
        self._run("x509", "-req", "-days", "2", *files, *by)

    def _write(self, name: str, text: str) -> None:
        (self._folder / name).write_text(text, encoding="utf-8")

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)


def _section(kind: str, usage: str) -> str:
    return f"basicConstraints=critical,{kind}\nkeyUsage=critical,{usage}\nsubjectKeyIdentifier=hash\n"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
