# The drain of a gateway pod: go on serving until no request is open, then stop the gateway. Exit code 3: the kernel does not tell, and
# drain.sh counts connections instead.
# The gateway does not know SIGTERM and never tells a client to close, so kept connections are there when a pod is told to stop. For each
# connection the kernel tells how long ago its last byte came and went (sock_diag, which asks for no right). perl-base is in the
# gateway's image: Debian marks it essential.
use strict;
use warnings;

my ($settle, $limit, $port, @others) = @ARGV;
my $QUIET = 5_000;     # ms of silence after an answer, after which a client has left a kept connection alone
my $PATIENCE = 8;      # s that clients get for that silence; from then on a moment without an open request is enough
my $SUBMITTED = 30_000; # ms for which a question to a provider counts that no client waits for, as when a batch is submitted
my $RECENT = 2;        # s in which more than so many new connections mean that a client or a load balancer has not forgotten this pod yet;
my $PROBES = 3;        # the kubelet's probes make new connections, too
my $LATE = 15;         # s after the settle time for which such connections are waited out
my $GAP = 0.2;         # s for which an answer is waited for, if connections are in use
my $BETWEEN = 3;       # s after the limit in which a moment between two requests is looked for
# Ports of servers that are no providers: the database, the admin UI, the collector; and this gateway, as a proxy in the pod reaches it.
my %other = map { $_ => 1 } @others, $port;
for (values %ENV) { $other{$1 // 5432} = 1 if m{^postgres(?:ql)?://[^/?]*?(?::(\d+))?(?:[/?]|$)} }

my $kernel;
connections() or exit 3;
my $start = now();
my @opened;
my $last = $settle < $RECENT ? $settle : $RECENT;
sleep $settle - $last;
for (1 .. 4 * $last) { arriving(); select undef, undef, undef, 0.25 }
my ($pid, $shell) = gateway();
my $begun = now();
my $left;
while (1) {
  my $spent = now() - $begun;
  my $silence = $spent < $PATIENCE ? $QUIET : 0;
  my $found = connections();
  my ($clients, $providers, $long) = $found ? open_requests($silence, { own() }, @$found) : (1, 0, 0);
  $left = $clients + $providers;
  my $late = arriving() && $spent < $LATE;
  last if $spent >= $limit + $BETWEEN or !$late and (!$left or $spent >= $limit and !$clients) and still($silence, $spent >= $limit);
  # A look costs the kernel some milliseconds. A stream does not end within the next 50 ms; a moment between short requests may.
  select undef, undef, undef, $long ? 0.5 : $silence ? 0.25 : 0.05;
}
# At once, not when the kubelet sends SIGTERM: a request could begin in between. The shell (serve.sh) learns first that a stop was asked for.
kill(TERM => $shell, $pid), kill CONT => $pid if $pid;
printf "drain: %s after %.1f s\n", $left ? 'the limit is over' : 'no request is open', now() - $start;

# Whether new connections still come. kube-proxy of a busy node removes an endpoint late, and whoever connects after the stop is refused.
sub arriving {
  push @opened, [now(), opened()];
  shift @opened while $opened[-1][0] - $opened[0][0] > $RECENT;
  return $opened[-1][1] - $opened[0][1] > $PROBES;
}

# Number of connections that were ever made to this pod.
sub opened {
  open my $counters, '<', '/proc/net/snmp' or return 0;
  my ($names, $values) = map { [split] } grep { /^Tcp:/ } <$counters>;
  return (map { $values->[$_] } grep { $names->[$_] eq 'PassiveOpens' } 0 .. $#$names)[0];
}

# True when no request has come since the connections were looked at. The gateway is held meanwhile, so that a request that comes now stays
# unread, where the kernel shows it; then the gateway goes on. What comes after the last look is lost, so this look is short: each known
# connection by its address, which takes microseconds, and whether there is a new one.
sub still {
  my ($silence, $over) = @_;
  $pid or return 1;
  my $opened = opened();
  my %own = own();
  my @known = @{ connections() or return 1 };
  my @kept = grep { $_->{here} == $port and $_->{bytes} } @known;
  my $idle = sub { my ($clients, $providers) = @_; !$clients and ($over or !$providers) };
  $idle->(open_requests($silence, \%own, @known)) or return 0;
  answered(@kept) if grep { $_->{received} < $QUIET } @kept;
  kill STOP => $pid;
  return 1 if $idle->(open_requests($silence, \%own, map { again($_) } @known))
    and opened() == $opened and !grep { !$own{$_} } keys %{ { own() } } and !grep { $_->{unread} } map { again($_) } @kept;
  kill CONT => $pid;
  return 0;
}

# Waits for an answer, at most $GAP seconds: a client that was just answered does not ask again at once.
sub answered {
  my %answers = map { $_->{id} => $_->{answers} } @_;
  my $until = now() + $GAP;
  while (now() < $until) {
    select undef, undef, undef, 0.001;
    my @now = map { again($_) } @_;
    my $new = grep { $_->{answers} != $answers{ $_->{id} } } @now;
    return if $new and !grep { $_->{unread} or $_->{received} < $_->{sent} } @now;
    %answers = map { $_->{id} => $_->{answers} } @now;
  }
}

# The sockets of the gateway.
sub own { return map { ((readlink // '') =~ /^socket:\[(\d+)\]/) ? ($1 => 1) : () } $pid ? glob "/proc/$pid/fd/*" : () }

# Of these connections, those with an open request, as far as it shows: (of clients, to providers, of clients for over a second).
sub open_requests {
  my ($silence, $own, @found) = @_;
  my ($kept, $clients, $providers, $waiting, $long) = (0, 0, 0, 0, 0);
  for my $c (@found) {
    my $quiet = $c->{sent} < $c->{received} ? $c->{sent} : $c->{received};
    if ($c->{here} == $port) {
      next if !$c->{bytes};
      $kept++;
      # who spoke last? After the client spoke, an answer is owed.
      # An answer that took longer than a second is a stream, and between its last event and its last chunk something may be written down.
      my $enough = $c->{received} - $c->{sent} > 1_000 ? $QUIET : $silence;
      next if !($c->{queued} or !$c->{answers} or $c->{received} < $c->{sent} or $quiet < $enough);
      $clients++;
      $long++ if $c->{received} > 1_000;
    }
    elsif (!$c->{inbound} and !$other{$c->{there}} and (!%$own or $own->{$c->{inode}})) {
      $providers++;
      $waiting++ if $c->{queued} or ($quiet < $SUBMITTED and (!$c->{bytes} or $c->{sent} < $c->{received}));
    }
  }
  # A stream may pause for minutes: as long as a client is connected and a provider, too, silence proves nothing.
  return ($clients, $kept ? $providers : $waiting, $long);
}

# What the kernel tells of established and listening TCP sockets of the pod, one text for each. Nothing: it does not tell.
sub messages {
  my @found;
  for my $family (2, 10) {
    ask(0x301, pack 'CCCCL x48', $family, 6, 2, 0, 1 << 1 | 1 << 10) or return; # NLM_F_DUMP; TCP, tcp_info, these states
    ANSWER: while (1) {
      defined recv $kernel, my $answer, 1 << 18, 0 or return;
      while (length $answer >= 16) {
        my ($size, $type) = unpack 'LS', $answer;
        last ANSWER if $type == 3; # NLMSG_DONE
        return if $type == 2 or $size < 88; # NLMSG_ERROR
        push @found, substr $answer, 16, $size - 16;
        substr $answer, 0, ($size + 3) & ~3, '';
      }
    }
  }
  return @found;
}

# A connection as it is now. Nothing: it is closed.
sub again {
  my ($known) = @_;
  ask(1, pack('CCCCL', $known->{family}, 6, 2, 0, 0xffffffff) . $known->{id}) or return;
  defined recv $kernel, my $answer, 1 << 16, 0 or return;
  my ($size, $type) = unpack 'LS', $answer;
  my $now = $type == 2 || $size < 88 ? undef : told(substr $answer, 16, $size - 16);
  return $now ? { %$known, %$now } : ();
}

sub ask {
  my ($flags, $request) = @_;
  $kernel or socket $kernel, 16, 3, 4 or return; # AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG
  return defined send $kernel, pack('LSSLL', 16 + length $request, 20, $flags, 1, 0) . $request, 0;
}

# All established TCP connections of the pod.
sub connections {
  my (@found, %listens);
  my @messages = messages() or return;
  for my $message (@messages) {
    my ($state, $here) = unpack 'x C x2 n', $message;
    if ($state == 10) { $listens{$here} = 1; next }
    push @found, told($message) // return;
  }
  $_->{inbound} = $listens{$_->{here}} for @found;
  return \@found;
}

# A connection; times are milliseconds ago (linux/inet_diag.h, linux/tcp.h: both are stable interfaces).
sub told {
  my ($message) = @_;
  my ($family, $id, $unread, $unconfirmed, undef, $inode) = unpack 'C x3 a48 x4 LLLL', $message;
  my ($here, $there) = unpack 'nn', $id;
  my %c = (family => $family, id => $id, here => $here, there => $there, inode => $inode, unread => $unread);
  for (my $at = 72; $at + 4 <= length $message;) {
    my ($long, $kind) = unpack 'SS', substr $message, $at, 4;
    last if $long < 4;
    @c{qw(sent received bytes unsent answers)} = unpack 'x44 L x4 L x72 Q x8 L x8 L', substr $message, $at + 4, $long - 4 if $kind == 2 and $long >= 164;
    $at += ($long + 3) & ~3;
  }
  return if !defined $c{answers};
  # A client confirms an answer up to 200 ms late, with its next question if it can: that is no lost answer.
  $c{queued} = $unread + $c{unsent} + ($c{sent} > 250 ? $unconfirmed : 0);
  return \%c;
}

# The process that listens on the port, if it is the gateway, and the shell that waits for it.
sub gateway {
  my %listens;
  for my $table ('/proc/net/tcp', '/proc/net/tcp6') {
    open my $lines, '<', $table or next;
    while (<$lines>) { my @f = split; $listens{"socket:[$f[9]]"} = 1 if $f[3] eq '0A' and $f[1] =~ /:([0-9A-F]{4})$/ and hex $1 == $port }
  }
  for my $dir (glob '/proc/[0-9]*') {
    open my $line, '<', "$dir/cmdline" or next;
    (<$line> // '') =~ m{(?:^|/|\0)gateway\0serve\0$} or next;
    grep { $listens{readlink // ''} } glob "$dir/fd/*" or next;
    open my $stat, '<', "$dir/stat" or next;
    return ($dir =~ /(\d+)$/, (<$stat> // '') =~ /.*\) \S+ (\d+)/);
  }
  return;
}

sub now { open my $clock, '<', '/proc/uptime' or return time; return (split ' ', <$clock>)[0] }
