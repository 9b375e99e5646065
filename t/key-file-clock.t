# Keys of a file that end while no request comes, and a clock that jumps. A child that was
# idle does not go on with the keys that the file had before. Keys that were wiped while the
# clock was ahead come back with it.

use strict;
use warnings;

use FindBin ();
use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_id key_set);
use SessionCrypto::System  qw(write_file);
use SessionCrypto::Waiting qw(wait_until);

use constant { SECONDS => 30, LIFE => 100, JUMP => 1000 };

# One child, which no other requests reach.
my $httpd = SessionCrypto::Httpd->new(name => 'key-file-clock', config => <<'END');
StartServers 1
ServerLimit 1
<IfModule mpm_prefork_module>
    MinSpareServers 1
    MaxSpareServers 1
    MaxRequestWorkers 1
</IfModule>
<IfModule !mpm_prefork_module>
    ThreadsPerChild 2
    MaxRequestWorkers 2
</IfModule>
SessionCryptoKeyFile keys
END
my $library = join ' ', map { compiled($_) } qw(clock haste);
set_clock(0);
replace(key('removed'));
{
    local $ENV{SESSION_CRYPTO_CLOCK} = $httpd->dir . '/clock';
    local $ENV{LD_PRELOAD} = $library;
    $httpd->start;
}
my $removed = seals();
is(key_id($removed), 'removed', 'a session under the first key');

replace(key('short', exp => time + LIFE));
said(qr/its keys are in force: 1 in all, 'short' seals/, 'the key is removed from the file');
set_clock(JUMP);
said(qr/sessions cannot be sealed/, 'and the only other one ends');
is($httpd->client->get('/', session => $removed)->body, '', 'a child that was idle does not open what was under the first key');
is(seals(), undef, 'and does not seal under it');

set_clock(0);
said(qr/the clock of this host has gone back/, 'the clock goes back');
my $short;
wait_until(sub { key_id($short = seals()) }, SECONDS) or diag('no key seals');
is(key_id($short), 'short', 'and the key that had ended seals');
is($httpd->client->get('/', session => $short)->body, 'user=joe', 'and opens');

# In a child that has used the key itself, and beside an older one.
replace(key('old'), key('new', nbf => 1, exp => time + LIFE));
said(qr/its keys are in force: 2 in all, 'new' seals/, 'two keys');
is(key_id(seals()), 'new', 'the newest seals');
set_clock(JUMP);
is(key_id(seals()), 'old', 'the old one seals when that has ended');
replace(key('late', nbf => 1), key('new', nbf => 2, exp => time + LIFE));
said(qr/its keys are in force: 2 in all, 'late' seals/, 'a file is read while the clock is ahead');
is(key_id(seals()), 'late', 'and its key seals that has not ended');
set_clock(0);
ok(wait_until(sub { key_id(seals()) eq 'new' }, SECONDS), 'the other one seals when the clock goes back');

# The clock goes back to a time that is after the last key too.
replace(key('last', exp => time + LIFE));
said(qr/its keys are in force: 1 in all, 'last' seals/, 'one key');
my $complaints = sub { return scalar(() = $httpd->log->lines(qr/sessions cannot be sealed/)) };
my $before = $complaints->();
set_clock(JUMP);
ok(wait_until(sub { $complaints->() > $before }, SECONDS), 'which ends');
$before = $complaints->();
set_clock(JUMP / 2);
ok(wait_until(sub { $complaints->() > $before }, SECONDS), 'and a line says so again when the clock goes back');
set_clock(0);
ok(wait_until(sub { (key_id(seals()) // '') eq 'last' }, SECONDS), 'until the key seals');

$httpd->stop;
my $log = $httpd->log;
$log->expect(qr/:notice\] .*its keys are in force/, 'new keys');
$log->expect(qr/:notice\] .*the clock of this host has gone back/, 'the clock');
$log->expect(qr/:error\] .*sessions cannot be sealed/, 'the time without a key');
$log->expect(qr/:error\] .* until a restart, which would fail: .* has no key that has begun and not ended/, 'the file, which is read again then');
$log->expect(qr/:info\] .*session (refused|not sealed)|AH01820/, 'the same, in requests');
$log->expect(qr/AH10159|AH00484|AH00161/, 'the only child has all workers');
$log->clean;

done_testing;

sub compiled {
    my ($name) = @_;
    my $file = $httpd->dir . "/$name.so";
    is(system($ENV{CC} // 'cc', '-Wall', '-shared', '-fPIC', '-o', $file, "$FindBin::Bin/faults/$name.c"), 0, "$name compiles")
        or BAIL_OUT("no $name");
    chmod 0755, $file or die "$file: $!\n";
    return $file;
}

sub set_clock {
    my ($offset) = @_;
    my $file = $httpd->write_file('clock.new', $offset);
    rename $file, $httpd->dir . '/clock' or die "clock: $!\n";
    return;
}

sub replace {
    my (@keys) = @_;
    my $file = $httpd->dir . '/keys';
    write_file("$file.new", key_set(@keys));
    chmod 0600, "$file.new" or die "$file.new: $!\n";
    rename "$file.new", $file or die "$file: $!\n";
    return;
}

# The token of a new session.
sub seals { return $httpd->client->get('/', 'X-S' => 'user=joe')->token }

# Waits for a line of the log.
sub said {
    my ($line, $name) = @_;
    ok(wait_until(sub { scalar(() = $httpd->log->lines($line)) }, SECONDS), $name);
    return;
}
