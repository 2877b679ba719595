# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What carries a restore point to an object store and back (sh -c), beside dump.sh in the same pod, in an image with curl 7.88 or newer.
#   put NAME OLDER...     upload it; then the OLDER ones are removed there. The answer is the one of dump.sh.
#   get NAME              download it
# S3_URL: the address of the folder, path-style. S3_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: who signs.
set -eu
umask 077
cd "${PLACE:=/restore-points}"
WORK=${WORK:-/work}

fail() { printf 'restore point: %s\n' "$*" >&2; exit 1; }

# request FILE ARGUMENTS...: the store checks what it gets by the hash of FILE (/dev/null: nothing is sent), which the signature covers.
# The keys go through standard input: anybody on the node can read a command line.
request() {
  hash=$(sha256sum < "$1" | cut -d ' ' -f 1)
  shift
  printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" |
    curl --silent --show-error --fail --retry 3 --config - --aws-sigv4 "aws:amz:$S3_REGION:s3" --header "x-amz-content-sha256: $hash" "$@"
}

put() {
  name=$1
  shift
  for part in sums dump; do
    request "$name.$part" --upload-file "$name.$part" "$S3_URL/$name.$part" > /dev/null || fail "$name.$part could not be uploaded to $S3_URL"
  done
  for older in "$@"; do
    for part in sums dump; do request /dev/null --request DELETE "$S3_URL/$older.$part" || :; done
  done
  cat "$WORK/answer"
}

get() {
  for part in sums dump; do
    request /dev/null --output "$1.$part" "$S3_URL/$1.$part" || fail "$1.$part could not be downloaded from $S3_URL"
  done
}

"$@"
