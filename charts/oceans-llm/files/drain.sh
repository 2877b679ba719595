# preStop: go on serving until no request is open. $1 seconds for endpoints and load balancers to forget this pod, then at most $2 seconds
# until the requests on port $3 are answered. $4 is drain.pl, the rest are ports of servers that are no providers. SIGTERM follows.
settle=$1
limit=$2
port=$3
program=$4
shift 4

if perl -e 1 2> /dev/null; then
  perl -e "$program" "$settle" "$limit" "$port" "$@" && exit 0
fi

# No perl, or a kernel that does not tell of connections: an established one counts until its client closes it.
port=$(printf %04X "$port")

busy() {
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r "$table" ] || continue
    while read -r _ here _ state _; do
      case $here/$state in
        *":$port/01") return 0 ;; # 01: established; 0A, the listening socket, does not count
      esac
    done < "$table"
  done
  return 1
}

sleep "$settle"
spent=0
while [ "$spent" -lt "$limit" ] && busy; do
  sleep 1
  spent=$((spent + 1))
done
exit 0
