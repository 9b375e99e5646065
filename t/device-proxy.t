# Where TLS ends at a proxy before httpd, sessions are bound all the same; and a proxy that
# drops a header of the protocol locks nobody out.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(BOUND);
use SessionCrypto::Device        ();
use SessionCrypto::Httpd         ();

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');
plan(skip_all => 'this httpd has no mod_proxy_http') if !SessionCrypto::Httpd::has_module('proxy_http');

my $back = SessionCrypto::Httpd->new(name => 'device-proxy-back', echo => '^/(?!session-device)', config => <<'END')->start;
ServerName https://app.test
SessionCryptoPassphrase passphrase-of-device-tests
SessionCryptoDevice enforce
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
Header always set X-Device "%{SESSION_DEVICE}e"
END

# What the proxy drops, what comes of the registration and of the refresh, and what the
# session is then.
for (
    ['nothing',                     '',                                                      'registered', 'refreshed',    'bound'],
    ['the id of the session',       'RequestHeader unset Sec-Secure-Session-Id',             'registered', 'server_error', 'unbound'],
    ['proofs',                      'RequestHeader unset Secure-Session-Response',           400,          undef,          'unbound'],
    ['offers',                      'Header unset Secure-Session-Registration',              undef,        undef,          'unbound'],
    ['new challenges',              'Header unset Secure-Session-Challenge',                 'registered', 'deleted',      'unbound'],
) {
    my ($name, $line, $registered, $refreshed, $device) = @$_;
    subtest "a proxy that drops $name" => sub {
        my $front = SessionCrypto::Httpd->new(
            name => 'device-proxy', tls => 1, module => 'none', loglevel => 'info', session => '', echo => '^/none', with => [qw(proxy proxy_http)],
            config => sprintf("ProxyPreserveHost On\nProxyPass / http://127.0.0.1:%d/\n%s\n", $back->port, $line))->start;
        my $browser = SessionCrypto::Device->new(servers => [$front]);
        $browser->get('/', 'X-S' => 'user=joe');
        $browser->get('/');
        is_deeply([map { "@$_" } $browser->happenings],
            [grep { defined } $registered && "register $registered", $refreshed && "refresh $refreshed"], 'what comes of it');
        my $answer = $browser->get('/');
        is_deeply([$answer->header('x-device'), $answer->body], [$device, 'user=joe'], 'the session');
        $front->stop;
        $front->log->clean;
    };
}

$back->stop;
$back->log->expect(qr/SC08\d\d: (?:registration refused|refresh)/, 'requests that lack a header');
$back->log->clean;

done_testing;
