# A farm of three servers keeps browsers bound, whichever server answers. The servers share a
# key file and the store of ended sessions, and their clocks differ by seconds. An hour passes
# by a clock of the test, while keys come and go, and servers restart, stop and start. An
# answer that comes late, with the session as it was before it was bound, is healed by the
# next request. A session that has ended on one server is not refreshed on another.
#
# SESSION_CRYPTO_FULL=1 has eight hours, and more browsers.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Device  ();
use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_id key_set);
use SessionCrypto::Preload qw(preload);
use SessionCrypto::Store   ();
use SessionCrypto::Waiting qw(wait_until);

use constant { SESSION => 'session', BOUND => '__Host-session-device', KEY => '__Secure-session-device-key' };
use constant PATIENCE => 30;
use constant MINUTES  => $ENV{SESSION_CRYPTO_FULL} ? 480 : 60;
# The minutes of a key: the next one comes, begins, and the former one goes. Until then, each
# browser has refreshed under the new one.
use constant { PERIOD => 30, COMES => 5, BEGINS => 10 };
# In the same period.
use constant { RESTARTS => 15, STOPS => 20, STARTS => 24 };
# Seconds by which the clocks of the servers are wrong.
my @WRONG = (0, 5, -5);

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

# Browsers, by the minutes between their visits: one that refreshes beside a request, one
# whose bound cookie has less than two minutes left, and one whose cookie has ended.
my %every = (busy => 1, steady => 9, slow => 11, $ENV{SESSION_CRYPTO_FULL} ? (two => 2, seven => 7, ten => 10) : ());

my $passed = 0;
my @keys   = (key('key0'));
my $store  = SessionCrypto::Store->new;
my @farm   = map { server() } 1 .. 3;
# Those among which all browsers are spread, in turn.
my @serving = @farm;
my $libraries = preload($farm[0]->dir, qw(clock haste));
set_clock(0);
push_keys();
start($_) for 0 .. $#farm;

subtest 'an hour without stickiness' => sub {
    my %device = map { $_ => browser($_ eq 'steady' ? 'rsa:2048' : 'P-256') } sort keys %every;
    for (sort keys %device) {
        $device{$_}->get('/', 'X-S' => "user=$_");
        $device{$_}->get('/');
    }
    my (@failures, %happened, %under, %challenged);
    my $asked = 0;
    for my $minute (1 .. MINUTES) {
        set_clock(60 * $minute);
        my $turn = int $minute / PERIOD;
        $_->($minute % PERIOD, $turn) for \&change_keys, \&change_servers;
        for my $name (sort keys %device) {
            my $device = $device{$name};
            # Each of them is bound before it pauses.
            next if $minute > 1 && $minute % $every{$name};
            my $answer = $device->get('/');
            $asked++;
            my $seen = join ' ', @{ seen($answer) };
            push @failures, "$name in minute $minute: $seen" if $seen ne "user=$name bound";
            $under{ key_id($device->cookies->value(SESSION)) } = 1;
            $happened{ join ' ', $name, @$_ }++ for $device->happenings;
        }
    }
    is_deeply(\@failures, [], 'every request of every browser was bound');
    diag(explain(\%happened)) if @failures;
    my @others = grep { !/^\w+ (?:register registered|refresh refreshed)\z/ } sort keys %happened;
    is_deeply(\@others, [], 'every registration and refresh worked');
    is_deeply([map { $happened{"$_ register registered"} } sort keys %every], [(1) x keys %every], 'each browser registered once');
    # A busy browser refreshes two minutes before the end of ten.
    cmp_ok($happened{'busy refresh refreshed'}, '>=', int MINUTES / 9, 'a busy browser refreshed every few minutes');
    cmp_ok($happened{'slow refresh refreshed'}, '>=', int MINUTES / 11, 'a slow one at each visit');
    is(scalar(keys %under), 1 + int((MINUTES - BEGINS) / PERIOD) + 1, 'sessions were under each key');
    note("$asked requests");
};

subtest 'an answer that comes late' => sub {
    my $device = browser();
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
};

subtest 'a logout on one server' => sub {
    my ($out, $in) = map { bound("user=$_") } qw(joe jim);
    my $copy = copied($out);
    # Its registration is on its way when it logs out.
    my $late = browser();
    $late->set(registers => 0);
    $late->get('/', 'X-S' => 'user=joe');
    $_->set(servers => [$farm[0]]) for $out, $late;
    $_->get('/', 'X-S' => 'user=') for $out, $late;
    for my $number (1, 2, 0) {
        my $server = $farm[$number];
        ok(wait_until(sub { $copy->{refresh}->($server)->body =~ /"continue":false/ }, PATIENCE), "server $number ends a refresh with copied cookies");
        is(seen($server->client->get('/', Cookie => $copy->{cookies}))->[0], '', 'and opens no copy of the session');
    }
    $late->set(servers => [$farm[1]]);
    $late->register;
    is_deeply([$late->happenings], [['register', 400]], 'no other server takes its registration');
    restart($_) for 1, 2;
    like($copy->{refresh}->($farm[$_])->body, qr/"continue":false/, "nor does a restart of server $_ forget it") for 1, 2;
    is_deeply(seen($in->get('/')), ['user=jim', 'bound'], 'and no other session ends') for @farm;
};

subtest 'the end of all sessions of a user' => sub {
    my @of_joe = map { bound('user=joe') } 1 .. 2;
    my $of_jim = bound('user=jim');
    my @copies = map { copied($_) } @of_joe;
    # Records hold for sessions that began before.
    set_clock($passed + 2);
    is($farm[1]->client->post('/out', '', Cookie => $copies[0]{cookies})->status, 204, 'a browser asks for it');
    for my $number (0, 2, 1) {
        my $ended = sub { $_[0]{refresh}->($farm[$number])->body =~ /"continue":false/ };
        ok(wait_until(sub { 2 == grep { $ended->($_) } @copies }, PATIENCE), "server $number refreshes none of them");
    }
    is_deeply(seen($of_jim->get('/')), ['user=jim', 'bound'], 'nor does another user lose his') for @farm;
};

for my $server (@farm) {
    $server->stop;
    $store->expect_in($server->log);
    $server->log->expect($_, 'what the test does') for
        qr/:notice\] .*has changed, and its keys are in force/,
        qr/:info\] .*SC0821: session refused/,
        qr/:info\] .*SC0221: the sessions of a user are ended/,
        qr/:info\] .*SC0845: refresh ended/,
        qr/:info\] .*SC0845: registration refused/,
        qr/:info\] .*session ended, the request goes on with an empty one/,
        qr/AH00488|AH00159|AH00161|AH00484|AH03490|AH10159|AH10392/;
    $server->log->clean;
}

done_testing;

sub server {
    my $url = $store->url;
    return SessionCrypto::Httpd->new(name => 'device-key-file', tls => 1, echo => '^/(?!session-device|out)', config => <<"END");
SessionCookieName session path=/;Secure;HttpOnly;SameSite=Lax
SessionMaxAge 1800
SessionExpiryUpdateInterval 60
SessionCryptoKeyFile keys
SessionCryptoMaxLifetime 12h
SessionCryptoRevocation $url
SessionCryptoDevice enforce
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
<Location "/out">
    SetHandler session-crypto-end-sessions
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

sub restart { return $farm[ $_[0] ]->restart }

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

# The same key file goes to all servers, which read it.
sub change_keys {
    my ($minute, $turn) = @_;
    if    ($minute == COMES)           { push @keys, key('key' . ($turn + 1), nbf => now() + 60 * (BEGINS - COMES)) }
    elsif ($minute == 0 && @keys > 1) { @keys = $keys[-1] }
    else                               { return }
    my $read = sub { return map { scalar(() = $_->log->lines(qr/its keys are in force/)) } @farm };
    my @before = $read->();
    push_keys();
    wait_until(sub { my @now = $read->(); !grep { $now[$_] == $before[$_] } 0 .. $#farm }, PATIENCE) or BAIL_OUT('a server has not read its keys');
    return;
}

sub change_servers {
    my ($minute, $turn) = @_;
    my ($restarts, $stops) = map { ($turn + $_) % @farm } 0, 1;
    if    ($minute == RESTARTS) { $farm[$restarts]->graceful }
    elsif ($minute == STARTS)   { start($stops); push @serving, $farm[$stops] }
    elsif ($minute == STOPS)    { @serving = grep { $_ != $farm[$stops] } @serving; $farm[$stops]->stop }
    return;
}

sub browser {
    my ($kind) = @_;
    return SessionCrypto::Device->new(servers => \@serving, kind => $kind // 'P-256', clock => \&now);
}

# A browser with a session that is bound.
sub bound {
    my ($session) = @_;
    my $device = browser();
    $device->get('/', 'X-S' => $session);
    $device->get('/');
    is_deeply(seen($device->get('/')), [$session, 'bound'], 'a bound session');
    return $device;
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

# All that a browser has, as it is now: the cookies of requests, and a refresh on a server.
sub copied {
    my ($device) = @_;
    my ($session) = $device->sessions;
    my @refresh = (Cookie => $device->cookies->header('/session-device/refresh'), 'Sec-Secure-Session-Id' => $session->{id},
        'Secure-Session-Response' => $session->{key}->proof($session->{challenge}));
    return { cookies => $device->cookies->header('/'), refresh => sub { $_[0]->client->post('/session-device/refresh', '', @refresh) } };
}
