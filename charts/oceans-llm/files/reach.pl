# helm test, after probe_net.pl: asks once what the collection's probe pod asks again and again, and says in one line what serves, or what does not.
#   SERVICE PORT HOSTS
# HOSTS: scheme|host, comma between them. The scheme is empty where only a Gateway's listener has it: https is tried first.
# A host outside that this pod cannot reach fails nothing: others may. One that answers for somebody else does.

my ($service, $port, $hosts) = @ARGV;
my ($address, $trouble) = resolve($service);
fail("$service does not resolve: $trouble (nameserver " . (nameservers() || 'none') . ')') if $address eq '';
my ($here, @said) = "http://$service:$port ($address)";
for (['/readyz', 'the gateway is not ready'], ['/admin', 'the gateway does not reach the admin UI']) {
  my ($path, $otherwise) = @$_;
  # /readyz is up to 30 s late when the database does not answer
  my ($error, $status, $body) = get($address, $port, "$service:$port", $path, 35);
  fail("$here$path: $error") if $error ne '';
  # the admin UI answers with a page or a redirect to one
  fail("$here$path: $otherwise: $status $body") if $status < 200 || $status >= 400;
  push @said, "$path $status";
}
print 'served: ', join('; ', "$here " . join(', ', @said), map { outside(split /\|/, $_, -1) } grep { !/\*/ } split /,/, $hosts // ''), "\n";

sub outside {
  my ($scheme, $name) = @_;
  my $seen = host('/readyz', $scheme || 'https', $name, '');
  ($scheme, $seen) = ('http', host('/readyz', 'http', $name, '')) if $scheme eq '' && $seen->{error} ne '';
  my $there = ($scheme || 'https') . "://$name" . ($seen->{address} ? " ($seen->{address})" : '');
  return "$there was not reached from this pod: $seen->{error}" if $seen->{error} ne '';
  if (my $certificate = pack 'H*', $seen->{certificate} // '') {
    my $wildcard = $name =~ s/^[^.]+/*/r;
    return "$there shows " . (grep({ index($certificate, $_) >= 0 } $name, $wildcard) ? 'a certificate for it' : 'a certificate for other names');
  }
  fail("$there/readyz answers $seen->{status}: it does not lead to this gateway") if $seen->{status} == 404 || $seen->{status} >= 500;
  return "$there/readyz $seen->{status}";
}

sub fail {
  my $why = join ' ', split ' ', "@_";
  print "FAILED: $why\n";
  exit 1;
}
