# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs in a probe pod, after probe_net.pl: asks the gateway for completions as its users do, and prints one JSON line.
#   SERVICE PORT MODEL HOSTS PROVIDERS SECONDS [PAUSE]
# HOSTS: host|address or host|address|port of what leads to the gateway by plain HTTP; a stream is asked for there, too. PROVIDERS: id|scheme|host|port; looked at
# when the gateway has no completion. The key is in the environment and in no output.

my ($service, $port, $model, $hosts, $providers, $seconds, $pause) = @ARGV;
$pause //= 1; # seconds between the first two tries; twice as long before the last one
my $key = $ENV{OCEANS_LLM_PROBE_KEY} // '';
my $question = 'Repeat these numbers and write nothing else: ' . join ' ', 1 .. 100;
my $chat = '/v1/chat/completions';
my ($address, $trouble) = resolve($service);
my %line = (name => $service, address => $address, dns => $trouble);
if ($address ne '') {
  my $at = [$address, $port, "$service:$port"];
  $line{models} = plainly(ask($at, 'GET', '/v1/models', ''));
  # what passes by itself (a restart of the provider, a rate limit) is no verdict: asked three times
  for my $try (1 .. 3) {
    $line{plain} = plainly(ask($at, 'POST', $chat, body('false')));
    $line{tries} = $try;
    last if $line{plain}{seconds} > 10 || $line{plain}{error} eq '' && $line{plain}{status} < 429;
    select undef, undef, undef, $try * $pause if $try < 3;
  }
  if ($line{plain}{status} == 200) {
    $line{stream} = streamed($at);
    $line{hosts} = list(map { my ($host, $ip, $to) = split /\|/, $_, -1; { host => $host, %{ streamed([$ip || resolve($host), $to || 80, $host]) } } } split /,/, $hosts);
  } else {
    $line{providers} = list(map { provider(split /\|/, $_, -1) } split /,/, $providers);
  }
}
print json(\%line), "\n";

sub body {
  my ($stream) = @_;
  my $name = $model =~ s/([\\"])/\\$1/gr;
  return qq({"model":"$name","stream":$stream,"messages":[{"role":"user","content":"$question"}]});
}

# The answer as it came: error, status, type, body, parts (what of the body came when), whole (it came to its end), seconds.
sub ask {
  my ($at, $method, $path, $data) = @_;
  my ($ip, $to, $name) = @$at;
  my %answer = (error => '', status => 0, type => '', body => '', parts => [], whole => 0, seconds => 0);
  my $begun = now();
  my ($socket, $error) = connected($ip, $to);
  return { %answer, error => "no connection to $ip:$to: $error" } unless $socket;
  my $head = "$method $path HTTP/1.1\r\nHost: $name\r\nUser-Agent: oceans.llm probe\r\nAuthorization: Bearer $key\r\nConnection: close\r\n";
  $head .= "Content-Type: application/json\r\nContent-Length: " . length($data) . "\r\n" if $method eq 'POST';
  local $SIG{ALRM} = sub { die "no end of the answer within $seconds s\n" };
  local $SIG{PIPE} = 'IGNORE';
  eval {
    alarm $seconds;
    syswrite $socket, "$head\r\n$data";
    receive($socket, \%answer, $begun);
  };
  alarm 0;
  if ($@) { $answer{error} = $@; chomp $answer{error} }
  $answer{seconds} = sprintf '%.2f', now() - $begun;
  return \%answer;
}

sub receive {
  my ($socket, $answer, $begun) = @_;
  my $raw = '';
  until ($raw =~ /\r\n\r\n/) { sysread($socket, $raw, 16384, length $raw) or die "the connection was closed before an answer came\n" }
  my ($head, $rest) = $raw =~ /^(.*?)\r\n\r\n(.*)$/s;
  ($answer->{status}) = $head =~ m{^HTTP/1\.[01] (\d{3})} or die "this is no HTTP\n";
  ($answer->{type}) = map { $_ // '' } $head =~ /^content-type:\s*([^;\r\n]*)/im;
  my $chunked = $head =~ /^transfer-encoding:.*chunked/im;
  my ($length) = $head =~ /^content-length:\s*(\d+)/im;
  while (1) {
    my $fresh = '';
    if ($chunked) {
      while ($rest =~ /^([0-9a-f]+)[^\r\n]*\r\n/i) {
        my ($size, $start) = (hex $1, $+[0]);
        $answer->{whole} = 1, last if $size == 0;
        last if length $rest < $start + $size + 2;
        $fresh .= substr $rest, $start, $size;
        $rest = substr $rest, $start + $size + 2;
      }
    } else {
      ($fresh, $rest) = ($rest, '');
    }
    $answer->{body} .= $fresh;
    push @{ $answer->{parts} }, [now() - $begun, $fresh] if $fresh ne '';
    $answer->{whole} = 1 if defined $length && length $answer->{body} >= $length;
    last if $answer->{whole} || length $answer->{body} > 1_000_000;
    my $got = sysread $socket, $rest, 16384, length $rest;
    next if $got;
    $answer->{whole} = 1 unless $chunked || defined $length;
    last;
  }
}

# What is told of a plain answer. `choices`: it holds a completion. `names`: the models in it.
sub plainly {
  my ($answer) = @_;
  my $body = $answer->{body};
  return {
    (map { $_ => $answer->{$_} } qw(error status type seconds)),
    body => hidden(substr $body, 0, 1500),
    choices => $body =~ /"choices"\s*:\s*\[\s*\{/ ? 1 : 0,
    known => $body =~ /"id"\s*:\s*"\Q$model\E"/ ? 1 : 0,
  };
}

# `first`, `last`: seconds from the question to the first and the last event; `done`: the stream said that it is complete.
sub streamed {
  my ($at) = @_;
  my $answer = ask($at, 'POST', $chat, body('true'));
  my ($events, $first, $last, $open) = (0, 0, 0, '');
  for my $part (@{ $answer->{parts} }) {
    my ($when, $text) = @$part;
    my @lines = split /\n/, $open . $text, -1;
    $open = pop @lines;
    my $found = grep { /^data:\s*\{/ } @lines;
    next unless $found;
    $first = $when unless $events;
    ($events, $last) = ($events + $found, $when);
  }
  my $done = $answer->{body} =~ /^data:\s*\[DONE\]/m ? 1 : 0;
  return {
    (map { $_ => $answer->{$_} } qw(error status type whole seconds)),
    events => $events,
    first => sprintf('%.2f', $first),
    last => sprintf('%.2f', $last),
    done => $done,
    body => hidden(substr $answer->{body}, 0, 500),
  };
}

# Can a pod of this namespace reach the provider at all? No request is made.
sub provider {
  my ($id, $scheme, $host, $to) = @_;
  my %seen = (id => $id, host => $host, port => $to, error => '', dns => '', address => '');
  @seen{qw(address dns)} = resolve($host);
  return \%seen if $seen{dns};
  if ($scheme eq 'https') {
    ($seen{error}, $seen{certificate}) = certificate($seen{address}, $to, $host);
  } else {
    my ($socket, $error) = connected($seen{address}, $to);
    $seen{error} = "no connection to $seen{address}:$to: $error" unless $socket;
  }
  return \%seen;
}

# perl-base has no clock with fractions; this one has hundredths.
sub now {
  open my $file, '<', '/proc/uptime' or return time;
  return (split ' ', <$file>)[0];
}

sub hidden {
  my ($text) = @_;
  $text =~ s/\Q$key\E/(key)/g if $key ne '';
  return $text;
}
