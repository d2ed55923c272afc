#!/usr/bin/env bash
# Runs the installer of the folder $1 in silence, has the program prove itself, and removes it again; in Git's bash.
set -euo pipefail
export MSYS2_ARG_CONV_EXCL="*" # or it would take /S for a path
setup=$(echo "$1"/Phichat-*-setup.exe)
place="$LOCALAPPDATA/Programs/Phichat"
PHICHAT_HOME=$(cygpath -w "$(mktemp -d)")
export PHICHAT_HOME

"$setup" /S
"$place/phichat.com" --self-test
answer=$("$place/phichat.com" ask --model starter "Hello there")
echo "- Installed in silence: self-test passed, answer of ${#answer} letters."
signature=$(powershell -NoProfile -Command "(Get-AuthenticodeSignature '$(cygpath -w "$setup")').Status")
echo "- Signature of the installer: $signature"

"$place/uninstall.exe" /S # goes on in a copy of itself
for _ in $(seq 60); do
  [ -e "$place" ] || break
  sleep 1
done
if [ -e "$place" ]; then
  echo "- Something was left in $place:"
  ls -R "$place"
  exit 1
fi
echo "- Uninstalled in silence: the folder is gone."
