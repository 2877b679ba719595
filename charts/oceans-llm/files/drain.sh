# preStop: go on serving until nobody is connected any more. $1 seconds for endpoints and load balancers to forget this pod,
# then at most $2 seconds until no connection to port $3 (hexadecimal) is established. SIGTERM follows when this ends.
settle=$1
limit=$2
port=$3

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
