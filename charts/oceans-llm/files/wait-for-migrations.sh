# Waits until the database is there ($1 = database) or its schema is the one this gateway needs ($1 = schema).
# $2: seconds between looks. $3: seconds until it gives up. $4 = recovered: a database that was restored is never empty. What it waits for is printed when it changes, and every 30 seconds.
goal=$1
interval=$2
limit=$3

clock() { read -r seconds _ < /proc/uptime; now=${seconds%%.*}; }

# The cause is the last line of the gateway's chain; a backtrace, if any, follows it.
cause() {
  last=
  while IFS= read -r line; do
    case $line in
      'Stack backtrace:'*) break ;;
      *[![:space:]]*) last=$line ;;
    esac
  done <<END
$1
END
  last=${last#"${last%%[![:space:]]*}"}
  case $last in
    [0-9]:\ *) last=${last#*: } ;;
  esac
}

clock
start=$now

if [ "$goal" = schema ]; then
  code=0
  answer=$(gateway config validate 2>&1) || code=$?
  case $code in
    0) ;;
    2) echo "this gateway has no 'config validate' (older than v0.20.1): the configuration is not checked" ;;
    *)
      echo "the gateway refuses the configuration:" >&2
      printf '%s\n' "$answer" >&2
      exit 1
      ;;
  esac
fi

said=
said_at=0
while :; do
  code=0
  answer=$(gateway migrate --check 2>&1) || code=$?
  clock
  waited=$((now - start))
  if [ "$code" -eq 0 ]; then
    echo "the schema is up to date after $waited s"
    exit 0
  fi
  if [ "$code" -eq 2 ]; then
    printf '%s\n' "$answer" >&2
    exit 1
  fi
  cause "$answer"
  case $last in
    *'database reset required'* | *'identity mismatch'*)
      # No waiting helps: this database belongs to another gateway version. Never do what the message says about recreating it.
      echo "this gateway version cannot run on this database: $last" >&2
      exit 1
      ;;
    *'pending migration'*)
      if [ "$goal" = database ]; then
        if [ "${4:-}" = recovered ] && status=$(gateway migrate --status 2>&1); then
          case $status in
            *'[applied]'*) ;;
            *)
              echo "the restored database is empty: no migration of the gateway was ever applied to it; nothing was changed. Restore another" \
                "backup or database, or set database.cloudnativepg.allowEmptyRecovery to start with an empty one" >&2
              exit 1
              ;;
          esac
        fi
        echo "the database answers after $waited s"
        exit 0
      fi
      ;;
  esac
  if [ "$last" != "$said" ] || [ $((now - said_at)) -ge 30 ]; then
    echo "waiting for the $goal ($waited s of $limit s): $last"
    said=$last
    said_at=$now
  fi
  if [ "$waited" -ge "$limit" ]; then
    if [ "$goal" = schema ]; then
      echo "gave up after $waited s: the migration Job has not updated the schema; the last check said: $last" >&2
    else
      echo "gave up after $waited s: the database does not answer; the last attempt said: $last" >&2
    fi
    exit 1
  fi
  sleep "$interval"
done
