# The way back: `offer` lets every session in, and forgets nothing. `SessionCryptoDevice off`
# at the endpoints has each browser forget its device at the next refresh, so that no request
# waits for one again. Sessions keep the name of their device, so `enforce` refuses them when
# it comes back, and a login binds another one.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(BOUND KEY REFRESH REGISTER SESSION);
use SessionCrypto::Device        ();
use SessionCrypto::Httpd         ();

use constant PAUSE => 700;    # longer than a bound cookie lives
use constant HANDLER => "<Location /session-device>\nSetHandler session-crypto-device\nRequire all denied\n</Location>\n";

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my $elapsed = 0;
my $httpd   = SessionCrypto::Httpd->new(name => 'device-off', tls => 1, one_child => 1, echo => '^/(?!session-device)');
configure('SessionCryptoDevice enforce', HANDLER);
$httpd->start;

my $browser = SessionCrypto::Device->new(servers => [$httpd], clock => sub { time + $elapsed });
$browser->get('/', 'X-S' => 'user=joe');
$browser->get('/') for 1 .. 2;
is(told($browser), 'user=joe bound', 'a bound session');
my ($session) = map { { %$_ } } $browser->sessions;
my $alone  = SESSION . '=' . $browser->cookies->value(SESSION);
my $copied = join '; ', $alone, BOUND . '=' . $browser->cookies->value(BOUND);
my ($offer) = $httpd->client->get('/', 'X-S' => 'user=jim')->header('secure-session-registration');
my ($challenge) = $offer =~ /challenge="([^"]+)"/;
$browser->happenings;

subtest 'offer refuses none, and forgets nothing' => sub {
    restart('SessionCryptoDevice offer', HANDLER);
    is(told($browser), 'user=joe bound', 'a browser with its device');
    is(told_to($alone), 'user=joe refused', 'a session alone is let in');
    $elapsed += PAUSE;
    is(told($browser), 'user=joe bound', 'after a pause');
    is_deeply([$browser->happenings], [['refresh', 'refreshed']], 'it has refreshed');
    restart('SessionCryptoDevice enforce', HANDLER);
    is(told($browser), 'user=joe bound', 'enforce finds it bound');
    is(told_to($alone), ' refused', 'and refuses the session alone');
};

subtest 'off has browsers forget their device' => sub {
    restart('SessionCryptoDevice off', HANDLER);
    is(told_to($alone), 'user=joe (null)', 'a session alone is let in');
    $elapsed += PAUSE;
    is(told($browser), 'user=joe (null)', 'a browser after a pause');
    is_deeply([$browser->happenings], [['refresh', 'ended']], 'its refresh was the last');
    is_deeply([$browser->sessions], [], 'it has no device any more');
    is_deeply([$browser->cookies->names], [SESSION], 'and the session alone');
    $elapsed += PAUSE;
    is(told($browser), 'user=joe (null)', 'later');
    is_deeply([$browser->happenings], [], 'nothing waits for a refresh');

    my $answer = $httpd->client->post(REFRESH, '', 'Sec-Secure-Session-Id' => $session->{id});
    is($answer->status, 200, 'an endpoint that nobody may ask otherwise');
    is($answer->body, qq({"continue":false,"session_identifier":"$session->{id}"}), 'names the session');
    is_deeply([$answer->header('cache-control')], ['no-store'], 'not for caches');
    is($httpd->client->post(REFRESH, '')->status, 503, 'a request that names none');
    is($httpd->client->post(REGISTER, '', 'Secure-Session-Response' => $session->{key}->registration($challenge))->status,
        400, 'a registration of a login before');
    is($httpd->client->get(REFRESH)->status, 405, 'another method');
    my @lines = $httpd->log->lines(qr/SC0857:/);
    like($lines[0], qr/session_crypto:info\] .*refresh ended: sessions are bound no longer/, 'the log tells');
    is_deeply([$httpd->client->get('/', 'X-S' => 'user=jim')->header('secure-session-registration')], [], 'a login is not offered a device');
};

subtest 'what was bound stays so for enforce' => sub {
    $browser->get('/', 'X-S' => 'user=joe&cart=1');
    is(told($browser), 'user=joe&cart=1 (null)', 'a session that is saved under off');
    restart('SessionCryptoDevice enforce', HANDLER);
    is(told_to(SESSION . '=' . $browser->cookies->value(SESSION)), ' refused', 'is refused when enforce is back');
    is(told_to($copied), 'user=joe bound', 'a bound cookie of before counts until its end');
    $browser->get('/', 'X-S' => 'user=joe');
    $browser->get('/') for 1 .. 2;
    is(told($browser), 'user=joe bound', 'and a login binds another session');
};

subtest 'no section of the handler' => sub {
    $browser->happenings;
    restart('SessionCryptoDevice off', '');
    $elapsed += PAUSE;
    is(told($browser), 'user=joe (null)', 'a browser after a pause');
    is_deeply([$browser->happenings], [['refresh', 'deleted']], 'a 404 ends its side as well');
};

subtest 'a handler without a line about devices' => sub {
    # httpd -t cannot tell which requests a pattern is for.
    restart("<Location /shop>\nSessionCryptoDevice enforce\n</Location>",
        "<LocationMatch ^/session-device/>\nSetHandler session-crypto-device\n</LocationMatch>\n");
    my $answer = $httpd->client->post(REFRESH, '', 'Sec-Secure-Session-Id' => $session->{id});
    is_deeply([$answer->status, $answer->header('set-cookie')], [503], 'ends nothing');
    like(($httpd->log->lines(qr/SC0835:/))[0] // '', qr/session_crypto:error\] .*write SessionCryptoDevice there/, 'which the log calls an error');
};

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*SC0821: session (?:not )?refused/, 'a session alone');
$httpd->log->expect(qr/\[session_crypto:info\] .*SC08(?:34|41|57): /, 'what endpoints refuse');
$httpd->log->expect(qr/\[session_crypto:error\] .*SC0835: no device served/, 'a handler without a line');
$httpd->log->clean;
done_testing;

sub configure {
    my @lines = @_;
    $httpd->{config} = join "\n", 'SessionCryptoPassphrase passphrase-of-device-tests', 'Header always set X-Device "%{SESSION_DEVICE}e"', @lines, '';
    return;
}

sub restart {
    configure(@_);
    $httpd->write_conf;
    $httpd->restart;
    return;
}

# The session that a page sees, and what it is told of the device.
sub told {
    my ($browser) = @_;
    return seen($browser->get('/'));
}

sub told_to {
    my ($cookies) = @_;
    return seen($httpd->client->get('/', Cookie => $cookies));
}

sub seen { my ($answer) = @_; return join ' ', $answer->body, $answer->header('x-device') }
