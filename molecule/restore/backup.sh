#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A way of the user's own: the copy is made in the database's pod and kept on this machine.
#   backup.sh take NAME | restore NAME PLACE DATABASE
set -eu
namespace=${PGHOST#*.}
in_pod() { kubectl -n "${namespace%.svc}" exec -i deploy/postgres -- sh -c 'PGPASSWORD=$POSTGRES_PASSWORD exec "$@"' in_pod "$@"; }

case $1 in
  take)
    place=$(dirname "$KUBECONFIG")/$2.dump
    in_pod pg_dump -h 127.0.0.1 -U "$PGUSER" --format=custom "$PGDATABASE" > "$place"
    printf '{"place": "%s", "size": %d}\n' "$place" "$(wc -c < "$place")"
    ;;
  restore)
    in_pod psql -h 127.0.0.1 -U "$PGUSER" -d "$4" -qc 'DROP SCHEMA public CASCADE; CREATE SCHEMA public'
    in_pod pg_restore -h 127.0.0.1 -U "$PGUSER" -d "$4" --no-owner --exit-on-error < "$3"
    rm "$3"
    ;;
esac
