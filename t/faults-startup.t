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

# Calls of a sample, and the fewest calls that there are of a class: if there are fewer, the
# library does not see them.
my %CHECK = (files => 30, memory => 2000, openssl => 100, random => 2, system => 10);
my %START = (files => 90, memory => 4000, openssl => 400, random => 6, system => 30);
use constant { CHECKS => 40, STARTS => 20 };

# Rust's library panics where the system has no random bytes at all, neither of getrandom(2)
# nor in a file. That is contained, and httpd does not start.
my $NO_RANDOM = qr{panicked at \S+/std/src/sys/random/linux\.rs|SC0592: an internal error was contained in the pre_config hook};

my $faults = SessionCrypto::Faults->new;
my $server = SessionCrypto::FaultyServer->new($faults, name => 'faults-startup');
my $httpd  = $server->httpd;

ok($server->start, 'the configuration starts') or BAIL_OUT(join "\n", $httpd->{output} // '', $httpd->log->lines);
is($server->wrong, '', 'and encrypts');
$httpd->stop;
$httpd->log->clear;

for my $class ($faults->classes) {
    my $done = $faults->each_call($class, CHECKS, sub {
        $faults->arm($class, $_[0]);
        my ($ok, $output) = $faults->preloaded(sub { $httpd->check });
        my $name  = $faults->disarm // return;
        my @lines = split /\n/, $output;
        return ($name, $ok ? $server->wrong_lines(@lines) : $server->wrong_end(@lines));
    });
    is_harmless("httpd -t: $class", $done, $CHECK{$class});
}

for my $class ($faults->classes) {
    is_harmless("a start: $class", $faults->each_call($class, STARTS, sub { start($class, $_[0]) }), $START{$class});
    my $done = $server->excusing($class eq 'random' ? $NO_RANDOM : undef, sub {
        return $faults->each_call($class, STARTS / 2, sub { start($class, $_[0], onwards => 1) });
    });
    is_harmless("a start without $class", $done, $START{$class});
}

done_testing;

# Starts, and stops. Returns what `each_call` wants.
sub start {
    my ($class, $nth, %args) = @_;
    # What the last one has left behind.
    unlink $httpd->dir . '/ended';
    $faults->arm($class, $nth, %args);
    my $starts = $server->start;
    my $name   = $faults->disarm;
    my $wrong  = !defined $name ? '' : $starts ? $server->wrong : $server->wrong_end($httpd->{output} // '', $httpd->log->lines);
    $httpd->stop;
    $httpd->log->clear;
    return defined $name ? ($name, $wrong) : ();
}

sub is_harmless {
    my ($what, $done, $floor) = @_;
    my $names = join ', ', sort keys %{ $done->{names} };
    is($done->{wrong}, 0, "$what: $done->{count} of $done->{calls} calls that fail harm nobody");
    cmp_ok($done->{calls}, '>=', $floor, "and they are as many as there must be, of $names");
    return;
}
