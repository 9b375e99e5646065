# While httpd restarts gracefully, a call of the module fails: of OpenSSL, for memory, random
# bytes, a file, or shared memory and processes. httpd goes on, and opens and encrypts
# sessions; or it says what failed and ends, as it does with a mistake in the configuration.
#
# SESSION_CRYPTO_FULL=1 has every call fail, and not a sample.

use strict;
use warnings;

use Test::More;

use SessionCrypto::FaultyServer ();
use SessionCrypto::Faults       ();

# The fewest calls of each class, and the most of a sample.
my %FLOOR = (files => 70, memory => 2000, openssl => 200, random => 3, system => 10);
use constant RESTARTS => 25;

my $faults = SessionCrypto::Faults->new;
my $server = SessionCrypto::FaultyServer->new($faults, name => 'faults-restart');
my $httpd  = $server->httpd;

ok($server->start, 'the configuration starts') or BAIL_OUT(join "\n", $httpd->{output} // '', $httpd->log->lines);
my $tokens = $server->tokens;
my %ends;

for my $class ($faults->classes) {
    $server->is_harmless("a restart: $class", $class, RESTARTS, $FLOOR{$class}, sub { restart($class, $_[0]) });
    $server->without($class, sub {
        $server->is_harmless("a restart without $class", $class, RESTARTS / 2, $FLOOR{$class}, sub { restart($class, $_[0], onwards => 1) });
    });
}
cmp_ok($ends{0} // 0, '>', 10, 'many restarts put the configuration in force');
cmp_ok($ends{1} // 0, '>', 10, 'and many end the server');

$httpd->stop;

done_testing;

# Restarts, and starts if that has ended the server. Returns what `each_call` wants.
sub restart {
    my ($class, $nth, %args) = @_;
    $faults->arm($class, $nth, %args);
    my $serves = $server->restart;
    my $name   = $faults->disarm;
    my $wrong  = !defined $name ? '' : $serves ? $server->wrong($tokens) : $server->wrong_end($httpd->log->lines);
    $ends{ $serves ? 0 : 1 }++ if defined $name;
    $httpd->log->clear;
    $server->start or die "no start: $httpd->{output}\n" if !$serves;
    return defined $name ? ($name, $wrong) : ();
}
