# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in the probe pod, after probe_net.pl.
# Asks the Service again and again, one JSON line a round: name by DNS, connection to its address, GET of the health path. When the address
# does not answer, the pods behind it are asked directly. Then every outside host: HTTP status, or the certificate that it shows.
#   SECONDS PAUSE SERVICE PORT PATH PODS HOSTS
# PODS: address:port, comma between them. HOSTS: scheme|host|address, perhaps with |port, comma between them; no address means the name is resolved.

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
  $outside = list(map { host($path, split /\|/, $_, -1) } split /,/, $hosts // '') if $round % 50 == 1;
  $line{hosts} = $outside;
  print json(\%line), "\n";
  select undef, undef, undef, $pause;
} while (time < $end);
