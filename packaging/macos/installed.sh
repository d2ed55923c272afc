#!/usr/bin/env bash
# Copies the application out of the disk image of the folder $1, has it prove itself, and looks at its signature.
set -euo pipefail
image=$(echo "$1"/Phichat-*.dmg)
place=$(mktemp -d)
PHICHAT_HOME="$place/home"
export PHICHAT_HOME

mkdir "$place/mounted"
hdiutil attach "$image" -nobrowse -readonly -mountpoint "$place/mounted"
ditto "$place/mounted/Phichat.app" "$place/Phichat.app"
hdiutil detach "$place/mounted"
program="$place/Phichat.app/Contents/MacOS/phichat"

codesign --verify --deep --strict "$place/Phichat.app"
"$program" --self-test
answer=$("$program" ask --model starter "Hello there")
echo "- Copied out of the image: self-test passed, answer of ${#answer} letters."
if codesign --display --verbose "$place/Phichat.app" 2>&1 | grep -q "Authority=Developer ID"; then
  spctl --assess --type execute "$place/Phichat.app"
  xcrun stapler validate "$image"
  echo "- Signed, and Gatekeeper lets it pass."
else
  echo "- **Not signed** with a Developer ID: Gatekeeper asks people whether they mean it."
fi
