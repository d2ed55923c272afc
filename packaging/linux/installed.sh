#!/usr/bin/env bash
# Installs the packages of the folder $1 as people do, has the program prove itself, and removes it again.
set -euo pipefail
folder=$(realpath "$1")
home=$(mktemp -d)
export PHICHAT_HOME="$home"

sudo apt-get update -qq
sudo apt-get install -y --no-install-recommends "$folder"/phichat_*.deb "$folder"/phichat-starter_*.deb
phichat --self-test
answer=$(phichat ask --model starter "Hello there")
echo "- Installed by apt on $(lsb_release --description --short): self-test passed, answer of ${#answer} letters."
sudo apt-get purge -y phichat phichat-starter
if [ -e /usr/bin/phichat ] || [ -e /usr/lib/phichat ]; then
  echo "- Something was left by the purge."
  exit 1
fi

image=$(echo "$folder"/Phichat-*.AppImage)
chmod +x "$image" # artifacts lose that
APPIMAGE_EXTRACT_AND_RUN=1 "$image" --self-test
echo "- AppImage: self-test passed."
