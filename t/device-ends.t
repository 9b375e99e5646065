# An ended session is refreshed on no server, and no device is registered for it: after a
# logout on another server, after a login of another user, after the end of all sessions of
# its user, after its lifetime, and after restarts, also where clocks differ by seconds. No
# other session ends with it. A server without news of ended sessions says that it cannot
# judge, where they are required.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(BOUND KEY value);
use SessionCrypto::Device        ();
use SessionCrypto::Httpd         ();
use SessionCrypto::Store         ();
use SessionCrypto::Waiting       qw(wait_until);

use constant SECONDS => 30;
# News are missing after ten seconds.
use constant SILENCE => 20;

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my $store = SessionCrypto::Store->new;
my $site  = SessionCrypto::BoundSessions->new('device-ends', <<"END", wrong => [0, 5]);
SessionCryptoRevocation @{[$store->url]} required
<Location "/sign-out-everywhere">
    SetHandler session-crypto-end-sessions
</Location>
END
my ($one, $other) = $site->servers;
$store->expect_in($_->log) for $one, $other;

# A session that nobody ends, on both servers in turn.
my $of_jim = browser();
$of_jim->get('/', 'X-S' => 'user=jim');
$of_jim->get('/');
$of_jim->set(servers => [$one, $other]);

my @ended;
# How a session ends, and what comes of registrations that were on their way: of that session,
# and then of the one that takes its place; and of another session of the user.
for (
    ['a logout',                'user=',    [400],               'registered'],
    ['a login of another user', 'user=jim', [400, 'registered'], 'registered'],
    ['all sessions of a user',  undef,      [400],               400],
) {
    my ($name, $writes, $own, $others) = @$_;
    subtest $name => sub {
        my ($owner, $stolen) = $site->theft;
        my ($session) = map { { %$_ } } $owner->sessions;
        my ($late, $waiting) = map { browser(registers => 0) } 1, 2;
        $_->get('/', 'X-S' => 'user=joe') for $late, $waiting;
        $owner->set(refreshes => 0);
        if (defined $writes) { $_->get('/', 'X-S' => $writes) for $late, $owner }
        else                 { $owner->post('/sign-out-everywhere', '', 'Sec-Fetch-Site' => 'same-origin') }
        ok(wait_until(sub { $other->client->get('/offer', Cookie => $stolen->{marked})->body eq '' }, SECONDS), 'the other server knows');
        push @ended, [$session, $stolen];
        no_longer($_, $session, $stolen) for $one, $other;
        $_->set(servers => [$other]) for $late, $waiting;
        $_->register for $late, $waiting;
        is_deeply([$late->happenings], [map { ['register', $_] } @$own], 'a registration that comes late');
        is_deeply([$waiting->happenings], [['register', $others]], 'another session of the user');
        is($site->device($of_jim->get('/')), 'bound', 'the session of another user goes on') for 1, 2;
    };
}

subtest 'a restart' => sub {
    $other->restart;
    no_longer($other, @$_) for @ended;
    is($site->device($of_jim->get('/')), 'bound', 'the session of another user goes on') for 1, 2;
};

subtest 'a store that is away' => sub {
    my ($owner) = $site->theft;
    my ($session) = $owner->sessions;
    my $waiting = browser(registers => 0);
    $waiting->get('/', 'X-S' => 'user=joe');
    $store->kill;
    $site->wait(SILENCE);
    my @cookies = map { $owner->cookies->value($_) } BOUND, KEY;
    is($owner->get('/')->body, '', 'no session opens');
    is($owner->refresh($session), 'server_error', 'the browser is to refresh later');
    is_deeply([map { $owner->cookies->value($_) } BOUND, KEY], \@cookies, 'and keeps both cookies');
    $waiting->register;
    is_deeply([$waiting->happenings], [['register', 503]], 'and a registration is not judged');
    $store->start;
    ok(wait_until(sub { $owner->refresh($session) eq 'refreshed' }, SECONDS), 'later it does');
    is($site->device($owner->get('/')), 'bound', 'and the session is bound');
};

subtest 'the end of a lifetime' => sub {
    my $aged = SessionCrypto::BoundSessions->new('device-ends-aged', 'SessionCryptoMaxLifetime 1h');
    my ($owner, $stolen) = $aged->theft;
    my ($session) = map { { %$_ } } $owner->sessions;
    $aged->wait(3601);
    no_longer($aged->httpd, $session, $stolen);
    $aged->stop;
    $aged->httpd->log->expect(qr/SC0(?:13\d: session|845: refresh) ended/, 'an ended session');
    $aged->log_is_clean;
};

$site->stop;
for ($one, $other) {
    $_->log->expect(qr/SC0(?:135: session|845: refresh) ended/, 'ended sessions');
    $_->log->expect(qr/SC0845: registration refused/, 'a registration for an ended session');
    $_->log->expect(qr/SC0221: /,        'all sessions of a user');
    $_->log->expect(qr/SC060[34]: .*news of ended sessions/, 'the store that was away');
    $_->log->expect(qr/SC0846: (?:refresh|registration) not judged/, 'what nobody could tell meanwhile');
    $_->log->expect(qr/SC0821: session not refused/, 'a copy without its bound cookie');
}
$site->log_is_clean;

done_testing;

sub browser {
    my (@more) = @_;
    return SessionCrypto::Device->new(servers => [$one], clock => sub { $site->time }, @more);
}

# Asserts that a server neither refreshes nor opens a session of which there are copies.
sub no_longer {
    my ($httpd, $session, $stolen) = @_;
    my $copy = SessionCrypto::Device->new(servers => [$httpd]);
    $copy->cookies->put(KEY, value($stolen->{key}), path => '/session-device', samesite => 'None');
    $copy->cookies->put(BOUND, value($stolen->{second}));
    is($copy->refresh($session), 'ended', 'the device is told that the session has ended');
    is_deeply([$copy->cookies->names], [], 'and loses both cookies');
    is($httpd->client->get('/offer', Cookie => join '; ', @$stolen{qw(marked second)})->body, '', 'copies are no session');
    return;
}
