# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in the probe pod, after probe_net.pl.
# Asks the Service again and again, one JSON line a round: name by DNS, connection to its address, GET of the health path. When the address
# does not answer, the pods behind it are asked directly. Then every outside host: HTTP status, or the certificate that it shows.
#   SECONDS PAUSE SERVICE PORT PATH PODS HOSTS
# PODS: address:port, comma between them. HOSTS: scheme|host|address, comma between them; no address means the name is resolved.

my ($seconds, $pause, $service, $port, $path, $pods, $hosts) = @ARGV;
my ($end, $round, $outside) = (time + $seconds, 0, []);
do {
  $round++;
  my ($address, $trouble) = resolve($service);
  my %line = (round => $round, name => $service, address => $address, dns => $trouble, resolver => nameservers());
  if ($address ne '') {
    @line{qw(error status body)} = get($address, $port, "$service:$port", $path);
    if ($line{error} ne '') {
      $line{pods} = list(map { my ($ip, $p) = /^(.*):(\d+)$/; my ($e, $s) = get($ip, $p, $service, $path); { pod => $_, error => $e, status => $s } }
          split /,/, $pods // '');
    }
  }
  # they are not ours alone: not every round
  $outside = list(map { host(split /\|/, $_, -1) } split /,/, $hosts // '') if $round % 20 == 1;
  $line{hosts} = $outside;
  print json(\%line), "\n";
  select undef, undef, undef, $pause;
} while (time < $end);

# (error, status, start of the body)
sub get {
  my ($address, $port, $name, $path) = @_;
  my ($socket, $error) = connected($address, $port);
  return ("no connection to $address:$port: $error", 0, '') unless $socket;
  my $answer = '';
  local $SIG{ALRM} = sub { die "no answer from $address:$port within $LIMIT s\n" };
  eval {
    alarm $LIMIT;
    print $socket "GET $path HTTP/1.1\r\nHost: $name\r\nUser-Agent: oceans.llm probe\r\nConnection: close\r\n\r\n";
    while (my $line = <$socket>) { $answer .= $line; last if length $answer > 4096 }
  };
  alarm 0;
  if ($@) { my $why = $@; chomp $why; return ($why, 0, '') }
  my ($status) = $answer =~ m{^HTTP/1\.[01] (\d{3})};
  my ($body) = $answer =~ /\r\n\r\n(.*)/s;
  return defined $status ? ('', $status + 0, substr($body // '', 0, 300)) : ("$address:$port does not speak HTTP", 0, '');
}

sub host {
  my ($scheme, $name, $address) = @_;
  my $trouble = '';
  ($address, $trouble) = resolve($name) if $address eq '';
  return { host => $name, error => "the name does not resolve: $trouble" } if $address eq '';
  if ($scheme eq 'https') {
    my ($error, $certificate) = certificate($address, 443, $name);
    return { host => $name, address => $address, error => $error, certificate => $certificate };
  }
  my ($error, $status) = get($address, 80, $name, $path);
  return { host => $name, address => $address, error => $error, status => $status };
}
