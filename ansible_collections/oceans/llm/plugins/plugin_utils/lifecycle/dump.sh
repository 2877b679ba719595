# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the Job of a restore point runs (sh -c), in PostgreSQL's own image. libpq's environment says where the server is and who logs in.
#   take NAME OLDER...                    schema public as of one snapshot, and sums of its rows; then the OLDER restore points are removed
#   recovered NAME OLDER...               the same, from a server that is started here on the data directory below $VOLUME
#   verify NAME CHECKSUM ASIDE [NEW]      is the copy whole, and may this role bring it back? Changes nothing.
#   restore NAME CHECKSUM ASIDE [NEW]     in one transaction: what is in schema public moves to schema ASIDE, the copy is read, the sums of all
#                                         rows are compared, and only then is it committed. With NEW: into a new database of that name.
# The last line on standard output is the answer, in JSON. What went wrong is on standard error, the last line a sentence.
set -eu
umask 077
cd "${PLACE:=/restore-points}"
WORK=${WORK:-/work}
HOME=$WORK
export HOME WORK
# the gateway's driver has authorities of its own; libpq wants to be told of the system's
case ${PGSSLMODE:-} in verify-*)
  if [ -z "${PGSSLROOTCERT:-}" ]; then
    PGSSLROOTCERT=system
    [ ! -f /etc/ssl/certs/ca-certificates.crt ] || PGSSLROOTCERT=/etc/ssl/certs/ca-certificates.crt
    export PGSSLROOTCERT
  fi ;;
esac

fail() { printf 'restore point: %s\n' "$*" >&2; exit 1; }

ask() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

# SQL that writes one line for each table: name|rows|sum of hashes of the rows. The order of the rows does not count; settings that change
# how a value is written are fixed.
sums() {
  cat << 'SQL'
SET LOCAL search_path = pg_catalog;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1;
SET LOCAL statement_timeout = 0;
SELECT format('SELECT %L, count(*), coalesce(sum((''x'' || left(encode(sha256(convert_to((t.*)::text, ''UTF8'')), ''hex''), 15))::bit(60)::bigint), 0) '
  'FROM ONLY public.%I AS t', c.relname, c.relname)
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname COLLATE "C"
\gexec
SQL
}

# The snapshot that is exported is the one that pg_dump reads: rows and sums are of the same moment, while the gateway writes on.
snapshot() {
  cat << 'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \gset
\setenv SNAPSHOT :snapshot
\! pg_dump --format=custom --schema=public $EXTENSIONS --no-owner --lock-wait-timeout=60s --snapshot="$SNAPSHOT" --file="$NAME.dump.part" < /dev/null || rm -f "$NAME.dump.part"
\o :sums
SQL
  sums
  cat << 'SQL'
\o
SELECT to_regclass('public.refinery_schema_history') IS NOT NULL AS migrated \gset
\if :migrated
SELECT coalesce(max(version)::text, 'null') FROM public.refinery_schema_history;
\else
SELECT 'null';
\endif
COMMIT;
SQL
}

checksum() { sha256sum "$1.dump" "$1.sums" | sha256sum | cut -d ' ' -f 1; }

counted() { awk -F '|' '{ rows += $(NF - 1) } END { printf "\"tables\": %d, \"rows\": %d", NR, rows }' "$1.sums"; }

take() {
  NAME=$1
  shift
  EXTENSIONS=
  ! pg_dump --help | grep -q -e '--extension' || EXTENSIONS='--extension=*'
  export NAME EXTENSIONS
  rm -f ./*.part # of a Job that was stopped
  if ! schema=$(snapshot | ask -v sums="$NAME.sums.part") || [ ! -s "$NAME.dump.part" ]; then fail "the database could not be copied"; fi
  mv "$NAME.sums.part" "$NAME.sums"
  mv "$NAME.dump.part" "$NAME.dump"
  sync
  sum=$(checksum "$NAME")
  for older in "$@"; do rm -f "$older.dump" "$older.sums"; done
  size=$(($(wc -c < "$NAME.dump")))
  printf '{"size": %d, "checksum": "sha256:%s", "schema": %s, %s}\n' "$size" "$sum" "$schema" "$(counted "$NAME")" > "$WORK/answer"
  cat "$WORK/answer"
}

# The server listens on a socket of this pod only, archives nothing, and lets the one who asks in: nobody else is here.
recovered() {
  control=$(find "${VOLUME:=/recovered}" -maxdepth 6 -path '*/global/pg_control' | head -n 1)
  data=${control%/global/pg_control}
  [ -n "$data" ] || fail "the volume contains no data of a PostgreSQL server"
  chmod 0700 "$data"
  rm -f "$data/postmaster.pid" "$data/standby.signal"
  printf 'local all all trust\n' > "$WORK/hba"
  pg_ctl start -D "$data" -s -w -t 600 -l "$WORK/log" -o "-c listen_addresses='' -c unix_socket_directories=$WORK -c hba_file=$WORK/hba \
    -c archive_mode=off -c ssl=off -c shared_preload_libraries=''" > /dev/null || { tail -n 5 "$WORK/log" >&2; fail "PostgreSQL does not start on the snapshot"; }
  PGHOST=$WORK
  PGSSLMODE=disable
  unset PGSSLROOTCERT
  export PGHOST PGSSLMODE
  port=$(sed -n 4p "$data/postmaster.pid")
  PGPORT=${port:-5432}
  export PGPORT
  take "$@"
  pg_ctl stop -D "$data" -s -m fast > /dev/null || :
}

whole() {
  if [ ! -f "$1.dump" ] || [ ! -f "$1.sums" ]; then fail "there is no copy $1 on the volume"; fi
  found=sha256:$(checksum "$1")
  [ "$found" = "$2" ] || fail "the copy $1 is damaged: its checksum is $found, and was $2 when it was taken"
  pg_restore --list "$1.dump" > "$WORK/contents"
}

exists() { [ "$(printf "SELECT count(*) FROM pg_database WHERE datname = :'new'" | ask -v new="$1")" = 1 ]; }

# Sentences about what this role lacks; nothing when it lacks nothing.
rights() {
  if [ -n "$1" ] && exists "$1"; then
    [ "$(PGDATABASE=$1 ask -c "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")" = 0 ] || echo "database $1 is not empty"
  elif [ -n "$1" ]; then
    ask << 'SQL'
SELECT format('the role %s lacks the permission to create databases; run as an administrator: ALTER ROLE %I CREATEDB', current_user, current_user)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolcreatedb OR rolsuper));
SQL
  else
    ask << 'SQL'
SELECT format('the role %s lacks the permission to create a schema; run as an administrator: GRANT CREATE ON DATABASE %I TO %I', current_user, current_database(), current_user)
WHERE NOT has_database_privilege(current_database(), 'CREATE');
SELECT format('the role %s lacks the permission to create tables in schema public; run as an administrator: GRANT CREATE ON SCHEMA public TO %I', current_user, current_user)
WHERE NOT has_schema_privilege('public', 'CREATE');
SELECT format('%s belongs to the role %s, not to %s', c.oid::regclass, pg_get_userbyid(c.relowner), current_user) FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT pg_has_role(c.relowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1 LIMIT 3;
SQL
  fi
}

verify() {
  whole "$1" "$2"
  lacks=$(rights "${4:-}")
  [ -z "$lacks" ] || fail "$(printf %s "$lacks" | tr '\n' ';')"
  printf '{%s}\n' "$(counted "$1")"
}

# Everything in schema public but what belongs to an extension: that stays where it is.
aside() {
  cat << 'SQL'
SET LOCAL search_path = pg_catalog;
SELECT set_config('lock_timeout', :'patience', true) AS ignored \gset
SET LOCAL client_min_messages = warning;
CREATE SCHEMA :"aside";
SELECT set_config('oceans_llm.aside', :'aside', true) AS ignored \gset
DO $do$
DECLARE
  command text;
BEGIN
  FOR command IN
    WITH own AS (SELECT objid, classid FROM pg_depend WHERE deptype = 'e')
    SELECT format('ALTER TABLE %s SET SCHEMA', c.oid::regclass) FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace
      AND (c.relkind IN ('r', 'p', 'v', 'm', 'f') OR (c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))))
      AND (c.oid, 'pg_class'::regclass) NOT IN (SELECT objid, classid FROM own)
    UNION ALL
    SELECT format('ALTER TYPE %s SET SCHEMA', t.oid::regtype) FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = 'public'::regnamespace AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
      AND (t.oid, 'pg_type'::regclass) NOT IN (SELECT objid, classid FROM own)
    UNION ALL
    SELECT format('ALTER ROUTINE %s SET SCHEMA', p.oid::regprocedure) FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND (p.oid, 'pg_proc'::regclass) NOT IN (SELECT objid, classid FROM own)
  LOOP
    EXECUTE format('%s %I', command, current_setting('oceans_llm.aside'));
  END LOOP;
END $do$;
SQL
}

compared() {
  printf '\\o :now\n'
  sums
  cat << 'SQL'
\o
\set same `test -f "$WORK/read" && cmp -s "$WORK/now.sums" "$SUMS" && echo true || echo false`
\if :same
\else
DO $do$ BEGIN RAISE EXCEPTION 'the restored rows differ from those of the restore point'; END $do$;
\endif
SQL
}

# What the copy makes in this database: not the schema itself, and nothing that only an owner of more than the tables may do. $1: `EXTENSION`
# where extensions are there already.
chosen() {
  grep -v -E -e " (SCHEMA|DEFAULT ACL${1:+|$1}) - " -e ' (COMMENT|ACL|SECURITY LABEL) - (SCHEMA|EXTENSION) ' "$WORK/contents" > "$WORK/chosen"
}

restore() {
  whole "$1" "$2"
  SUMS=$1.sums
  export SUMS
  if [ -n "${4:-}" ]; then
    exists "$4" || printf 'CREATE DATABASE :"new";' | ask -v new="$4"
    PGDATABASE=$4
    export PGDATABASE
    : > "$WORK/aside.sql"
    chosen ''
  else
    aside > "$WORK/aside.sql"
    chosen EXTENSION
  fi
  compared > "$WORK/compared.sql"
  rm -f "$WORK/read"
  # a newer pg_restore sets what an older server does not know
  { pg_restore --file=- --no-owner --use-list="$WORK/chosen" "$1.dump" && : > "$WORK/read"; } | sed '1,40{/^SET transaction_timeout/d;}' |
    ask -v aside="$3" -v patience="${LOCK_SECONDS:-20}s" -v now="$WORK/now.sums" --single-transaction -f "$WORK/aside.sql" -f - -f "$WORK/compared.sql" > "$WORK/said" || failed
  ask -c 'ANALYZE' 2> /dev/null || :
  printf '{%s}\n' "$(counted "$1")"
}

# Who is in the way, when a lock was not to be had.
failed() {
  who=$(ask << 'SQL' || :
SELECT format('process %s (application %s, role %s, %s)', pid, coalesce(nullif(application_name, ''), 'without a name'), usename, state)
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state LIKE '%transaction%'
SQL
  )
  fail "the database is unchanged${who:+; open transactions: $(printf %s "$who" | tr '\n' ';')}"
}

"$@"
