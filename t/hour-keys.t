# A classic key takes a millisecond or two. The parent derives the keys of the hour that
# requests most likely need, and graceful restarts keep them: for the hour, and for as long
# as their passphrases are configured. Other keys wait for their first request.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Preload qw(preload);

# See core/src/sealer/ahead.rs: the keys that one processor derives.
use constant { AHEAD => 32, HOUR => 3600 };

my $work    = SessionCrypto::Httpd->new(name => 'hour-keys-files')->dir;
my $library = preload($work, 'clock');

# The clock of the server begins in the first minute of an hour, so that no hour ends while
# this test runs.
my $start = HOUR - time % HOUR + 30;
set_clock(0);

# More hosts than all processors derive ahead.
chomp(my $processors = qx(getconf _NPROCESSORS_ONLN));
my $hosts = $processors * AHEAD + 3;
my $other = SessionCrypto::Httpd::free_port();
my @passphrases = map { "passphrase-of-host-$_" } 1 .. $hosts;
my $httpd = SessionCrypto::Httpd->new(name => 'hour-keys', one_child => 1, config => config(@passphrases));
my $told = my $waited = 0;
{
    local $ENV{LD_PRELOAD}           = $library;
    local $ENV{SESSION_CRYPTO_CLOCK} = "$work/clock";
    $httpd->start;
}
my @line = ahead();
my ($ahead, $rest) = $line[0]->@*;
is(scalar @line, 1, 'the parent says once what it has derived');
is($ahead % AHEAD, 0, "$ahead keys, as many on each processor");
cmp_ok($ahead, '>', 0, 'and not none');
is($ahead + $rest, $hosts, 'and the other hosts wait');
is(waits('host1'), 0, 'not the default host of the address');
is(waits("host$ahead"), 1, 'but the first of the others');
is(waits("host$ahead"), 0, 'and only once');
is(waits(undef, $other), 0, 'nor the default host of another address, which comes last');
my $token = client('host1')->get('/', 'X-S' => 'user=joe')->token;

$httpd->restart;
is_deeply([ahead()], [[0, $rest]], 'a graceful restart derives nothing');
is(waits('host1'), 0, 'and the keys are there');
is(client('host1')->get('/', session => $token)->body, 'user=joe', 'as they were');
is(waits('host1'), 0, 'for tokens from before it, too');

configure('changed', @passphrases[1 .. $#passphrases]);
$httpd->restart;
is_deeply([ahead()], [[1, $rest]], 'a restart derives the key of a new passphrase only');
is(waits('host1'), 0, 'in the parent');
is(client('host1')->get('/', session => $token)->body, '', 'and the passphrase before is gone');
configure(@passphrases);
$httpd->restart;
is_deeply([ahead()], [[1, $rest]], 'a restart keeps no key of a passphrase that is not configured');

# A child that starts in the new hour would have its keys before a request.
is(waits('host1'), 0, 'a child has started');
set_clock(HOUR);
is(waits('host1'), 1, 'a child derives the key of a new hour');
$httpd->restart;
is_deeply([ahead()], [[$ahead, $rest]], 'and so does a restart in it');
is(waits('host1'), 0, 'for the requests that come');
$httpd->restart;
is_deeply([ahead()], [[0, $rest]], 'another one keeps these');
set_clock(0);
$httpd->restart;
is_deeply([ahead()], [[$ahead, $rest]], 'but not those of the hour before');
is(client('host1')->get('/', session => $token)->body, 'user=joe', 'whose tokens open');

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*session refused/, 'the token of the passphrase that was changed');
$httpd->log->clean;

done_testing;

# Sets the clock to a time after the beginning of this test.
sub set_clock {
    my ($seconds) = @_;
    open my $file, '>', "$work/clock.new" or die "clock: $!\n";
    print {$file} $start + $seconds;
    close $file or die "clock: $!\n";
    rename "$work/clock.new", "$work/clock" or die "clock: $!\n";
    return;
}

sub configure { $httpd->{config} = config(@_); $httpd->write_conf; return }

# A host for each passphrase, the last at an address of its own.
sub config {
    my (@of_hosts) = @_;
    my $config = "Listen 127.0.0.1:$other\n";
    my $number = 0;
    for my $passphrase (@of_hosts) {
        $number++;
        my $port = $number == @of_hosts ? $other : '*';
        $config .= "<VirtualHost *:$port>\nServerName host$number\nSessionCryptoPassphrase $passphrase\n</VirtualHost>\n";
    }
    return $config;
}

sub client {
    my ($host, $port) = @_;
    return $httpd->client(host => $host, $port ? (port => $port) : ());
}

# The numbers in the lines about derived keys since the last call: those that the parent
# derived, and those that wait.
sub ahead {
    my $pattern = qr/\[session_crypto:debug\] .* (\d+) classic keys derived for this hour, and (\d+) wait for their first request/;
    my @all = map { [$_ =~ $pattern] } $httpd->log->lines($pattern);
    my @new = @all[$told .. $#all];
    $told = @all;
    return @new;
}

# Whether a request to a host has to wait for a key.
sub waits {
    my ($host, $port) = @_;
    ok(client($host, $port)->get('/', 'X-S' => 'user=joe')->token, 'a host seals');
    my $before = $waited;
    $waited = () = $httpd->log->lines(qr/a key was derived/);
    return $waited - $before;
}
