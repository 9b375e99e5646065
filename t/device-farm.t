# A farm of three servers keeps browsers bound, whichever server answers. An hour passes by a
# clock of the test, once with a key file and once with passphrases, while keys come and go,
# and servers restart, stop and start. Their clocks differ by seconds. An answer that comes
# late, with the session as it was before it was bound, is healed by the next request.
#
# SESSION_CRYPTO_FULL=1 has eight hours, and more browsers.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Device  ();
use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_id key_set);
use SessionCrypto::Preload qw(preload);
use SessionCrypto::Waiting qw(wait_until);

use constant { SESSION => 'session', BOUND => '__Host-session-device' };
use constant PATIENCE => 30;
use constant MINUTES  => $ENV{SESSION_CRYPTO_FULL} ? 480 : 60;
# The minutes of a key: the next one comes, begins, and the former one goes. Until then, each
# browser has refreshed under the new one.
use constant { PERIOD => 30, COMES => 5, BEGINS => 10 };
# In the same period: one server is away for a while. In every other one, all restart, one
# after another.
use constant { RESTARTS => 12, STOPS => 20, STARTS => 24 };
# Minutes from a step of a rotation of passphrases on one server to that on the next one.
use constant BETWEEN => 2;
# Seconds by which the clocks of the servers are wrong.
my @WRONG = (0, 5, -5);

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

# Browsers, by the minutes between their visits: one that refreshes beside a request, one
# whose bound cookie has less than two minutes left, and one whose cookie has ended.
my %every = (busy => 1, steady => 9, slow => 11, $ENV{SESSION_CRYPTO_FULL} ? (two => 2, seven => 7, ten => 10) : ());

# The servers, and those among which browsers are spread, in turn.
my (@farm, @serving);
my ($libraries, $passed);

# The same key file goes to all servers, which read it. The sessions have the ids of keys.
my @keys = (key('key0'));
hour('a key file', 'SessionCryptoKeyFile keys', \&push_keys, \&change_keys, sub {
    is(scalar(keys %{ $_[0] }), 1 + int((MINUTES - BEGINS) / PERIOD) + 1, 'sessions were under each key');
});
finish(qr/:notice\] .*has changed, and its keys are in force/);

# A rotation as docs/rotation.md has it: each server takes a step before any takes the next.
my ($old, $new) = map { "$_-passphrase-of-a-farm" } qw(old new);
# The last one waits until each browser has been there under the new passphrase.
my @steps = map { my ($minute, $step) = @$_; map { [$minute + BETWEEN * $_, $_, $step] } 0 .. 2 }
    [3, "$old $new"], [10, "$new $old"], [35, $new];
hour('passphrases', "SessionCryptoPassphrase $old", sub { }, \&take_step, sub { is(scalar @steps, 0, 'the rotation is over') });
finish();

done_testing;

# Lets an hour pass. `$before` prepares the servers, `$change` changes keys in a minute, and
# `$after` asserts that they have changed, by the key ids of the sessions.
sub hour {
    my ($name, $line, $before, $change, $after) = @_;
    @farm = map { server($line) } 1 .. 3;
    @serving = @farm;
    $libraries = preload($farm[0]->dir, qw(clock haste));
    set_clock(0);
    $before->();
    start($_) for 0 .. $#farm;
    subtest "an hour with $name" => sub {
        my %device = map { $_ => browser($_ eq 'steady' ? 'rsa:2048' : 'P-256') } sort keys %every;
        for (sort keys %device) {
            $device{$_}->get('/', 'X-S' => "user=$_");
            $device{$_}->get('/');
        }
        my (@failures, %happened, %under, %answered, $most);
        for my $minute (1 .. MINUTES) {
            set_clock(60 * $minute);
            $_->($minute) for $change, \&change_servers;
            for my $name (sort keys %device) {
                my $device = $device{$name};
                # Each of them is bound before it pauses.
                next if $minute > 1 && $minute % $every{$name};
                $answered{ $serving[0]->dir } = 1;
                my $seen = join ' ', @{ seen($device->get('/')) };
                push @failures, "$name in minute $minute: $seen" if $seen ne "user=$name bound";
                $under{ key_id($device->cookies->value(SESSION)) // '' } = 1;
                $happened{ join ' ', $name, @$_ }++ for $device->happenings;
                my $signatures = $device->signatures;
                $most = $signatures if $signatures > ($most // 0);
            }
        }
        is_deeply(\@failures, [], 'every request of every browser was bound');
        diag(explain(\%happened)) if @failures;
        is(scalar keys %answered, scalar @farm, 'every server answered');
        my @others = grep { !/^\w+ (?:register registered|refresh refreshed)\z/ } sort keys %happened;
        is_deeply(\@others, [], 'every registration and refresh worked');
        is_deeply([map { $happened{"$_ register registered"} } sort keys %every], [(1) x keys %every], 'each browser registered once');
        # A busy browser refreshes two minutes before the end of ten.
        cmp_ok($happened{'busy refresh refreshed'}, '>=', int MINUTES / 9, 'a busy browser refreshed every few minutes');
        cmp_ok($happened{'busy refresh refreshed'}, '<=', 1 + MINUTES / 8, 'and no more often');
        cmp_ok($happened{'slow refresh refreshed'}, '>=', int MINUTES / 11, 'a slow one at each visit');
        # A registration and two refreshes, and so far below six.
        cmp_ok($most, '<=', 3, 'far from the quota of browsers');
        $after->(\%under);
    };
    subtest 'an answer that comes late' => \&comes_late;
    return;
}

sub comes_late {
    my $device = browser('P-256');
    $device->get('/', 'X-S' => 'user=joe');
    # It is on its way while the session is bound.
    my $late = $farm[2]->client->get('/', Cookie => $device->cookies->header('/'), 'X-S' => 'cart=1');
    is_deeply(seen($late), ['user=joe', 'unbound'], 'a slow request before the first refresh');
    $device->get('/');
    is_deeply(seen($device->get('/')), ['user=joe', 'bound'], 'the session is bound');
    is_deeply(alone($device->cookies->value(SESSION)), [map { ['', 'refused'] } @farm], 'and a copy of it is refused');
    $device->cookies->take($_) for $late->header('set-cookie');
    my $lost = $device->cookies->value(SESSION);
    is_deeply(alone($lost), [map { ['user=joe&cart=1', 'unbound'] } @farm], 'the late answer writes an unbound one over it');
    is_deeply(seen($device->get('/')), ['user=joe&cart=1', 'bound'], 'the next request is bound');
    my $healed = $device->cookies->value(SESSION);
    isnt($healed, $lost, 'and its answer has a session');
    is_deeply(alone($healed), [map { ['', 'refused'] } @farm], 'of which a copy is refused again');
    is_deeply([map { "@$_" } $device->happenings], ['register registered', 'refresh refreshed'], 'without another registration');
    return;
}

sub finish {
    my (@more) = @_;
    for my $server (@farm) {
        $server->stop;
        $server->log->expect($_, 'what the test does') for @more,
            qr/:info\] .*SC0821: session refused/, qr/AH00488|AH00159|AH00161|AH00484|AH03490|AH10159|AH10392/;
        $server->log->clean;
    }
    return;
}

sub server {
    my ($line) = @_;
    return SessionCrypto::Httpd->new(name => 'device-farm', tls => 1, echo => '^/(?!session-device)', config => config($line));
}

sub config {
    my ($line) = @_;
    return <<"END";
SessionCookieName session path=/;Secure;HttpOnly;SameSite=Lax
SessionMaxAge 1800
SessionExpiryUpdateInterval 60
$line
SessionCryptoMaxLifetime 12h
SessionCryptoDevice enforce
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
Header always set X-Device "%{SESSION_DEVICE}e"
END
}

sub start {
    my ($number) = @_;
    local $ENV{LD_PRELOAD} = $libraries;
    local $ENV{SESSION_CRYPTO_CLOCK} = $farm[$number]->dir . '/clock';
    $farm[$number]->start;
    return;
}

# Sets the time of all servers and browsers.
sub set_clock {
    ($passed) = @_;
    $farm[$_]->write_file('clock', $passed + $WRONG[$_]) for 0 .. $#farm;
    return;
}

sub now { return time + $passed }

sub push_keys {
    $_->write_file('keys', key_set(@keys), 0600) for @farm;
    return;
}

sub change_keys {
    my ($minute) = @_;
    my $turn = int $minute / PERIOD;
    if    ($minute % PERIOD == COMES)          { push @keys, key('key' . ($turn + 1), nbf => now() + 60 * (BEGINS - COMES)) }
    elsif ($minute % PERIOD == 0 && @keys > 1) { @keys = $keys[-1] }
    else                                       { return }
    my $read = sub { return map { scalar(() = $_->log->lines(qr/its keys are in force/)) } @farm };
    my @before = $read->();
    push_keys();
    wait_until(sub { my @now = $read->(); !grep { $now[$_] == $before[$_] } 0 .. $#farm }, PATIENCE) or BAIL_OUT('a server has not read its keys');
    return;
}

# The configuration of one server has the next step. A server that is away takes it later.
sub take_step {
    my ($minute) = @_;
    return if !@steps || $steps[0][0] != $minute;
    my (undef, $number, $passphrases) = @{ shift @steps };
    $farm[$number]{config} = config("SessionCryptoPassphrase $passphrases");
    return if !$farm[$number]->pid;
    $farm[$number]->write_conf;
    $farm[$number]->restart;
    return;
}

sub change_servers {
    my ($minute) = @_;
    my $turn = int $minute / PERIOD;
    my $away = (1 + $turn) % @farm;
    $minute %= PERIOD;
    if    ($turn % 2 == 0 && $minute >= RESTARTS && $minute < RESTARTS + @farm) { $farm[$minute - RESTARTS]->restart }
    elsif ($minute == STARTS) { start($away); push @serving, $farm[$away] }
    elsif ($minute == STOPS)  { @serving = grep { $_ != $farm[$away] } @serving; $farm[$away]->stop }
    return;
}

sub browser {
    my ($kind) = @_;
    return SessionCrypto::Device->new(servers => \@serving, kind => $kind, clock => \&now);
}

# What a request saw of its session, but for the time at which it ends, and of its device.
sub seen {
    my ($answer) = @_;
    return [$answer->body =~ s{(?:\A|&)expiry=\d+}{}r, ($answer->header('x-device'))[0]];
}

# What each server makes of a session alone.
sub alone {
    my ($token) = @_;
    return [map { seen($_->client->get('/', Cookie => SESSION . "=$token")) } @farm];
}
