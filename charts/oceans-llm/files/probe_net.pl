# What the scripts of `helm test` and of the collection's probe pods share: names, connections, answers, certificates, JSON. The gateway's image is
# Debian slim: no curl, no openssl, but perl-base, which Debian marks essential.
use strict;
use warnings;
use IO::Socket::IP;
use Socket qw(getaddrinfo getnameinfo SOCK_STREAM NI_NUMERICHOST NIx_NOSERV);

our $LIMIT = 2;    # seconds for one connection or short answer
$| = 1;

sub resolve {
  my ($name) = @_;
  my ($trouble, @found) = getaddrinfo($name, '', { socktype => SOCK_STREAM });
  return ('', "$trouble") if $trouble;
  my (undef, $address) = getnameinfo($found[0]{addr}, NI_NUMERICHOST, NIx_NOSERV);
  return ($address, '');
}

sub nameservers {
  open my $file, '<', '/etc/resolv.conf' or return '';
  return join ' ', map { /^nameserver\s+(\S+)/ ? $1 : () } <$file>;
}

sub connected {
  my ($address, $port) = @_;
  my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Timeout => $LIMIT);
  return ($socket, $socket ? '' : "$!");
}

# (error, status, start of the body); `seconds`: that the answer may take
sub get {
  my ($address, $port, $name, $path, $seconds) = @_;
  $seconds //= $LIMIT;
  my ($socket, $error) = connected($address, $port);
  return ("no connection to $address:$port: $error", 0, '') unless $socket;
  my $answer = '';
  local $SIG{ALRM} = sub { die "no answer from $address:$port within $seconds s\n" };
  eval {
    alarm $seconds;
    print $socket "GET $path HTTP/1.1\r\nHost: $name\r\nUser-Agent: oceans.llm probe\r\nConnection: close\r\n\r\n";
    while (my $line = <$socket>) { $answer .= $line; last if length $answer > 4096 }
  };
  alarm 0;
  if ($@) { my $why = $@; chomp $why; return ($why, 0, '') }
  my ($status) = $answer =~ m{^HTTP/1\.[01] (\d{3})};
  my ($body) = $answer =~ /\r\n\r\n(.*)/s;
  return defined $status ? ('', $status + 0, substr($body // '', 0, 300)) : ("$address:$port does not speak HTTP", 0, '');
}

# The certificate that a TLS server shows, in hexadecimal. TLS 1.2 sends it in the clear, so a first message and a little reading will do.
sub certificate {
  my ($address, $port, $name) = @_;
  my ($socket, $error) = connected($address, $port);
  return ("no connection to $address:$port: $error", '') unless $socket;
  my $sni = pack 'n n C n/a', 0, length($name) + 5, 0, $name;
  substr($sni, 0, 4) = pack 'n n n', 0, length($name) + 5, length($name) + 3;
  my $groups = pack 'n n n n n n', 10, 8, 6, 0x001d, 0x0017, 0x0018;
  my $signatures = pack 'n n n n n n n n n', 13, 14, 12, 0x0403, 0x0503, 0x0804, 0x0401, 0x0501, 0x0601;
  my $formats = pack 'n n C C', 11, 2, 1, 0;
  my $extensions = $sni . $groups . $signatures . $formats;
  my $ciphers = pack 'n*', 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x009c, 0x002f;
  my $random = join '', map { chr int rand 256 } 1 .. 32;
  my $hello = pack('n', 0x0303) . $random . chr(0) . pack('n/a', $ciphers) . "\1\0" . pack('n/a', $extensions);
  my $message = chr(1) . substr(pack('N', length $hello), 1) . $hello;
  my ($data, $found) = ('', '');
  local $SIG{ALRM} = sub { die "no certificate from $address:$port within $LIMIT s\n" };
  eval {
    alarm $LIMIT;
    syswrite $socket, pack('C n', 22, 0x0301) . pack('n/a', $message);
    while ($found eq '' and my $head = take($socket, 5)) {
      my ($type, undef, $length) = unpack 'C n n', $head;
      my $part = take($socket, $length);
      die "the server does not talk TLS 1.2 with the probe\n" if $type != 22;
      $data .= $part;
      while (length $data >= 4) {
        my ($kind, $high, $low) = unpack 'C C n', $data;
        my $size = $high * 65536 + $low;
        last if length $data < 4 + $size;
        my $body = substr $data, 4, $size;
        $data = substr $data, 4 + $size;
        $found = unpack 'H*', substr($body, 6, hex unpack 'H6', substr($body, 3, 3)) if $kind == 11;
      }
    }
  };
  my $why = $@;
  alarm 0;
  chomp $why;
  return ($why, $found);
}

# A host outside that leads to the gateway: the status of `path`, for https the certificate. Without an address the name is resolved.
sub host {
  my ($path, $scheme, $name, $address, $port) = @_;
  $port ||= $scheme eq 'https' ? 443 : 80;
  my $trouble = '';
  ($address, $trouble) = resolve($name) if $address eq '';
  return { host => $name, error => "the name does not resolve: $trouble" } if $address eq '';
  if ($scheme eq 'https') {
    my ($error, $certificate) = certificate($address, $port, $name);
    return { host => $name, address => $address, port => $port, error => $error, certificate => $certificate };
  }
  my ($error, $status) = get($address, $port, $name, $path);
  return { host => $name, at => $port == 80 ? $name : "$name:$port", address => $address, error => $error, status => $status };
}

sub take {
  my ($socket, $wanted) = @_;
  my $data = '';
  while (length $data < $wanted) { sysread($socket, $data, $wanted - length $data, length $data) or die "the connection ended\n" }
  return $data;
}

sub list { return [@_] }

sub json {
  my ($value) = @_;
  return '[' . join(',', map { json($_) } @$value) . ']' if ref $value eq 'ARRAY';
  return '{' . join(',', map { json($_) . ':' . json($value->{$_}) } sort keys %$value) . '}' if ref $value eq 'HASH';
  return 'null' unless defined $value;
  return $value if $value =~ /^(0|[1-9]\d{0,8})(\.\d{1,3})?$/;
  my $text = "$value";
  $text =~ s/([\\"])/\\$1/g;
  $text =~ s/([^\x20-\x7e])/sprintf '\\u%04x', ord $1/ge;
  return "\"$text\"";
}
