#!/usr/bin/env bash
# For the release workflow: takes the certificate and the notary's key from the environment, says what dmg.py wants to
# know in the file $GITHUB_ENV, and in the summary what will not be signed.
set -euo pipefail
umask 077

if [ -z "$CERTIFICATE" ]; then
  echo "- The image for macOS is **not signed**: there is no secret MACOS_CERTIFICATE." | tee -a "$GITHUB_STEP_SUMMARY"
  exit 0
fi
keychain="$RUNNER_TEMP/release.keychain-db"
password=$(openssl rand -hex 16)
base64 --decode <<< "$CERTIFICATE" > "$RUNNER_TEMP/certificate.p12"
security create-keychain -p "$password" "$keychain"
security set-keychain-settings -lut 7200 "$keychain"
security unlock-keychain -p "$password" "$keychain"
security import "$RUNNER_TEMP/certificate.p12" -P "$CERTIFICATE_PASSWORD" -t cert -f pkcs12 -k "$keychain" \
  -T /usr/bin/codesign
security set-key-partition-list -S apple-tool:,apple: -s -k "$password" "$keychain" > /dev/null
security list-keychains -d user -s "$keychain" login.keychain-db
rm "$RUNNER_TEMP/certificate.p12"
identity=$(security find-identity -v -p codesigning "$keychain" | sed -n 's/.*"\(Developer ID Application: .*\)"/\1/p')
echo "MACOS_IDENTITY=${identity%%$'\n'*}" >> "$GITHUB_ENV"

if [ -z "$NOTARY_KEY" ]; then
  echo "- The image for macOS is **not notarised**: there is no secret NOTARY_KEY." | tee -a "$GITHUB_STEP_SUMMARY"
  exit 0
fi
base64 --decode <<< "$NOTARY_KEY" > "$RUNNER_TEMP/notary.p8"
{
  echo "MACOS_NOTARY_KEY=$RUNNER_TEMP/notary.p8"
  echo "MACOS_NOTARY_KEY_ID=$NOTARY_KEY_ID"
  echo "MACOS_NOTARY_ISSUER=$NOTARY_ISSUER"
} >> "$GITHUB_ENV"
