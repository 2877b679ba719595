# The gateway has no handler for SIGTERM, and PID 1 without one ignores it: a stop would take the whole grace period and end
# in SIGKILL. So it runs as a child of this shell, which passes the signal on and reports the child's own exit code.
asked=
child=
trap 'asked=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
gateway serve &
child=$!
# told to stop before there was a child to tell
[ -z "$asked" ] || kill -TERM "$child" 2>/dev/null
while :; do
  code=0
  wait "$child" || code=$?
  # wait also returns for the signal itself; a child that is still there has not been waited for yet
  kill -0 "$child" 2>/dev/null || break
done
# ended by the signal it was sent: a stop that was asked for is no error
if [ -n "$asked" ] && [ "$code" -eq 143 ]; then code=0; fi
exit "$code"
