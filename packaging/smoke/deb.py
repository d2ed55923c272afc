"""The Debian packages, and what judges them: desktop-file-validate, appstreamcli, lintian; and their sizes."""

import argparse
from pathlib import Path

from building.project import Trouble, need, output, run
from building.tried import tried_bundle
from targets import deb

AFTER = ("bundle",)
MOST_PACKED, MOST_INSTALLED = 70e6, 200e6  # bytes


def check(folder: Path) -> str:
    """Make and judge them."""
    need("lintian")
    need("desktop-file-validate", "apt-get install desktop-file-utils")
    need("appstreamcli", "apt-get install appstream")
    packages = deb.build(argparse.Namespace(bundle=tried_bundle(), fast=False))
    run("dpkg-deb", "--extract", packages[0], folder)
    share = folder / "usr" / "share"
    run("desktop-file-validate", *share.glob("applications/*.desktop"))
    run("appstreamcli", "validate", "--no-net", *share.glob("metainfo/*.xml"))
    run("lintian", "--allow-root", "--fail-on", "error,warning", *packages)
    packed = packages[0].stat().st_size
    installed = 1024 * int(output("dpkg-deb", "--field", packages[0], "Installed-Size"))
    if packed > MOST_PACKED or installed > MOST_INSTALLED:
        raise Trouble(f"{packed / 1e6:.1f} MB packed, {installed / 1e6:.1f} MB installed: that is too much.")
    return f"{packed / 1e6:.1f} MB packed, {installed / 1e6:.1f} MB installed; three judges content"
