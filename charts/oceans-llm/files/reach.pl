# helm test: is the gateway ready, and does it reach the admin UI? Both are asked through the gateway's Service.
# The gateway's image is Debian slim: no curl, but perl-base, which Debian marks essential, brings IO::Socket::INET.
use strict;
use warnings;
use IO::Socket::INET;

my ($host, $port) = @ARGV;
my $failed = 0;
for (['/readyz', 'the gateway'], ['/admin', 'the admin UI through the gateway']) {
  my ($path, $what) = @$_;
  my $answer = ask($path);
  my ($status) = $answer =~ m{^HTTP/1\.[01] (\d{3})};
  # the admin UI answers with a page or a redirect to one
  if (defined $status && $status >= 200 && $status < 400) {
    print "$what: $path $status\n";
    next;
  }
  my ($body) = $answer =~ /\r\n\r\n(.*)/s;
  print STDERR "$what: $path ", $status // 'no HTTP answer', ' ', substr($body // $answer, 0, 300), "\n";
  $failed = 1;
}
exit $failed;

sub ask {
  my ($path) = @_;
  my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 10)
    or return "no connection to $host:$port: $@";
  local $SIG{ALRM} = sub { die "time-out\n" };
  my $answer = '';
  eval {
    alarm 35; # /readyz is up to 30 s late when the database does not answer
    print $socket "GET $path HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n";
    while (my $line = <$socket>) { $answer .= $line; last if length $answer > 65536 }
    alarm 0;
  };
  return $@ ? "no answer from $host:$port: $@" : $answer;
}
