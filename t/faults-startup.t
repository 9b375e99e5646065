# While httpd starts, a call of the module fails: of OpenSSL, for memory, random bytes, a
# file, or shared memory and processes. httpd starts and encrypts, or it says what failed and
# does not start.
#
# SESSION_CRYPTO_FULL=1 has every call fail, and not a sample.

use strict;
use warnings;

use Test::More;

use SessionCrypto::FaultyServer ();
use SessionCrypto::Faults       ();

# The fewest calls of each class, and the most of a sample. A build without optimization makes
# more.
my %CHECK = (files => 30, memory => 2000, openssl => 100, random => 2, system => 4);
my %START = (files => 90, memory => 4000, openssl => 400, random => 6, system => 15);
use constant { CHECKS => 40, STARTS => 20 };

my $faults = SessionCrypto::Faults->new;
my $server = SessionCrypto::FaultyServer->new($faults, name => 'faults-startup');
my $httpd  = $server->httpd;

ok($server->start, 'the configuration starts') or BAIL_OUT(join "\n", $httpd->{output} // '', $httpd->log->lines);
is($server->wrong, '', 'and encrypts');
$httpd->stop;
$httpd->log->clear;

for my $class ($faults->classes) {
    $server->is_harmless("httpd -t: $class", $class, CHECKS, $CHECK{$class}, sub {
        $faults->arm($class, $_[0]);
        my ($ok, $output) = $faults->preloaded(sub { $httpd->check });
        my $name  = $faults->disarm // return;
        my @lines = split /\n/, $output;
        return ($name, $ok ? $server->wrong_lines(@lines) : $server->wrong_end(@lines));
    });
    $server->is_harmless("a start: $class", $class, STARTS, $START{$class}, sub { start($class, $_[0]) });
    $server->without($class, sub {
        $server->is_harmless("a start without $class", $class, STARTS / 2, $START{$class}, sub { start($class, $_[0], onwards => 1) });
    });
}

done_testing;

# Starts, and stops. Returns what `each_call` wants.
sub start {
    my ($class, $nth, %args) = @_;
    # The last one may have left something behind.
    unlink $httpd->dir . '/ended';
    $faults->arm($class, $nth, %args);
    my $starts = $server->start;
    my $name   = $faults->disarm;
    my $wrong  = !defined $name ? '' : $starts ? $server->wrong : $server->wrong_end($httpd->{output} // '', $httpd->log->lines);
    $httpd->stop;
    $httpd->log->clear;
    return defined $name ? ($name, $wrong) : ();
}
