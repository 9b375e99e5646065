# A session that begins over TLS is offered to be bound to the browser's device. The endpoints
# answer whatever stands around them, and say 503 where the server cannot judge. A session is
# bound once a refresh has worked; then it does not open without its device, and nothing that
# such a request writes takes its place. Backends do not see the cookies of devices.

use strict;
use warnings;

use JSON::PP ();
use Test::More;

use SessionCrypto::Device    ();
use SessionCrypto::DeviceKey ();
use SessionCrypto::Httpd     ();
use SessionCrypto::System    qw(run);

use constant { SESSION => 'session', BOUND => '__Host-session-device', KEY => '__Secure-session-device-key' };
use constant { REGISTER => '/session-device/register', REFRESH => '/session-device/refresh' };
use constant REGISTRATION => 'secure-session-registration';

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

# Everything is refused to those who do not log in, but the endpoints answer.
my $CONFIG = <<'END';
SessionCryptoPassphrase passphrase-of-device-tests
SessionCryptoCipher aes-256-gcm
SessionCryptoRevocation on
SessionCryptoDevice enforce
ErrorDocument 401 /login-page
ErrorDocument 403 /login-page
ErrorDocument 405 /login-page
ErrorDocument 503 /login-page
<Location "/session-device">
    SetHandler session-crypto-device
    AuthType form
    AuthName private
    AuthFormProvider file
    AuthUserFile "@DIR@/users"
    AuthFormLoginRequiredLocation "/login-page"
    Require valid-user
    SessionMaxAge 3600
    Header edit Set-Cookie (.*) "$1; SameSite=Strict; Path=/"
    Header always edit Set-Cookie (.*) "$1; SameSite=Strict; Path=/"
</Location>
<Location "/session-device/elsewhere">
    SessionCryptoPassphrase a-passphrase-of-another-farm
    Session Off
</Location>
<Location "/session-device/rotated">
    SessionCryptoPassphrase the-next-passphrase passphrase-of-device-tests
    Session Off
</Location>
<Location "/offer">
    SessionCryptoDevice offer
</Location>
<Location "/required">
    SessionCryptoDevice required 10s
</Location>
<Location "/off">
    SessionCryptoDevice off
</Location>
<Location "/missing">
    ErrorDocument 404 /page
</Location>
<Location "/missing/offer">
    SessionCryptoDevice offer
</Location>
<Location "/admin">
    Require session-device bound
</Location>
<Location "/form">
    AuthType form
    AuthName private
    AuthFormProvider file
    AuthUserFile "@DIR@/users"
    AuthFormLoginRequiredLocation "/login-page"
    Require session-device bound
</Location>
<Location "/aged">
    SessionMaxAge 3600
</Location>
<Location "/led-device">
    SetHandler session-crypto-device
</Location>
<Location "/led/">
    ErrorDocument 403 /led-device/refresh
    Require all denied
</Location>
Header always set X-Device "%{SESSION_DEVICE}e"
Header always set X-Cookies "expr=%{HTTP:Cookie}"
END
my $httpd = SessionCrypto::Httpd->new(name => 'device', tls => 1, one_child => 1, echo => '^/(?!session-device|led-device|missing)', config => $CONFIG);
$httpd->write_file('users', '');
$httpd->start;
my $client = $httpd->client;
my $json   = JSON::PP->new->utf8;

subtest 'an offer, a registration and a refresh' => sub {
    my $login = $client->get('/', 'X-S' => 'user=joe');
    my ($offer, @others) = $login->header(REGISTRATION);
    is(scalar @others, 0, 'one offer');
    my ($challenge) = $offer =~ m{\A\(ES256 RS256\);path="/session-device/register";challenge="([A-Za-z0-9._-]+)"\z};
    ok($challenge, 'names algorithms, path and a challenge') or diag($offer);
    is_deeply([cookie_names($login)], [SESSION], 'and the session is in its cookie');

    my $key        = SessionCrypto::DeviceKey->new('P-256');
    my $registered = register($key->registration($challenge));
    is($registered->status, 200, 'registered');
    is_deeply([$registered->header('cache-control')], ['no-store'], 'not for caches');
    my %set = map { /\A([^=]+)=[A-Za-z0-9._-]+; (.*)\z/s ? ($1, $2) : ($_, '') } $registered->header('set-cookie');
    is_deeply(\%set, {
        BOUND, 'Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60',
        KEY, 'Path=/session-device; Secure; HttpOnly; SameSite=None; Max-Age=' . 30 * 86_400,
    }, 'two cookies, and none of the session') or diag explain \%set;
    my $id   = $key->thumbprint;
    my $told = $json->decode($registered->body);
    is_deeply($told, {
        session_identifier => $id, refresh_url => REFRESH, continue => JSON::PP::true,
        scope => { include_site => JSON::PP::false, scope_specification => [] },
        credentials => [{ type => 'cookie', name => BOUND, attributes => 'Path=/; Secure; HttpOnly; SameSite=Lax' }],
        allowed_refresh_initiators => ['*'],
    }, 'instructions');
    is_deeply([$registered->header('content-type')], ['application/json'], 'in JSON');

    my ($next) = first($registered, 'secure-session-challenge') =~ /\A"([^"]+)";id="\Q$id\E"\z/;
    my @with   = (Cookie => KEY . '=' . $registered->token(KEY), 'Sec-Secure-Session-Id' => $id);
    my $asked  = refresh(@with);
    is($asked->status, 403, 'a refresh without a proof');
    like(first($asked, 'secure-session-challenge'), qr/\A"[^"]+";id="\Q$id\E"\z/, 'gets a challenge');
    is_deeply([$asked->header('set-cookie')], [], 'and no cookie');
    my $refreshed = refresh(@with, 'Secure-Session-Response' => $key->proof($next));
    is($refreshed->status, 200, 'a refresh with a proof');
    is($refreshed->body, '', 'has no body');
    my ($set, @more) = $refreshed->header('set-cookie');
    like($set, qr/\A__Host-session-device=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600\z/, 'sets the bound cookie');
    is(scalar @more, 0, 'and no other');
    like(first($refreshed, 'secure-session-challenge'), qr/\A"[^"]+";id="\Q$id\E"\z/, 'gives the next challenge');
    is(refresh(Cookie => KEY . '=' . $registered->token(KEY))->status, 503, 'without the id of a session');
    is(refresh('Sec-Secure-Session-Id' => $id)->status, 401, 'without the key cookie');
};

subtest 'nothing stands in the way of the endpoints, and they send no session' => sub {
    is(register()->status, 400, 'a registration without a proof');
    is(refresh()->status,  503, 'a refresh without a session');
    my $got = $client->get(REFRESH);
    is_deeply([$got->status, $got->header('allow')], [405, 'POST'], 'another method');
    my $expired = SessionCrypto::Device->new(servers => [$httpd]);
    $expired->get('/', 'X-S' => 'user=joe');
    is_deeply([$expired->happenings], [['register', 'registered']], 'a browser registers in the midst of a section with a login');
    for my $answer (register(), refresh(), $client->get(REFRESH)) {
        is_deeply([$answer->header('location'), $answer->header('set-cookie'), $answer->body], [''], 'no login page and no session');
        is_deeply([$answer->header('cache-control')], ['no-store'], 'not for caches');
    }
    # The handler's other paths are those of any section.
    like($client->get('/session-device/other')->status, qr/\A(?:302|403|404)\z/, 'another path');
    is($client->get('/led/x')->status, 403, 'an error document');
    like(($httpd->log->lines(qr/SC0832:/))[0] // '', qr/SC0832: no device served: another request led to this one/, 'which the log tells');
};

subtest 'the server says 503 where it cannot judge' => sub {
    my ($device, $session) = bound();
    my ($id, $proof) = ($session->{id}, $session->{key}->proof($session->{challenge}));
    my @with = (Cookie => KEY . '=' . $device->cookies->value(KEY), 'Sec-Secure-Session-Id' => $id, 'Secure-Session-Response' => $proof);
    my $elsewhere = '/session-device/elsewhere';
    is($client->post("$elsewhere/refresh", '', @with)->status, 503, 'a key cookie of another key');
    my ($offer) = $client->get('/', 'X-S' => 'user=joe')->header(REGISTRATION);
    my ($challenge) = $offer =~ /challenge="([^"]+)"/;
    is($client->post("$elsewhere/register", '', 'Secure-Session-Response' => $session->{key}->registration($challenge))->status,
        503, 'a challenge of another key');
    is(refresh(@with)->status, 200, 'it can, in its own section');
};

subtest 'cookies of a sibling host do not end the browser\'s side' => sub {
    my ($device, $session) = bound();
    for ([7, 200, 'seven before the good one'], [8, 503, 'eight'], [20, 503, 'twenty']) {
        my ($count, $status, $name) = @$_;
        my $cookies = join '; ', (map { KEY . "=junk$_" } 1 .. $count), KEY . '=' . $device->cookies->value(KEY);
        my $answer  = refresh(Cookie => $cookies, 'Sec-Secure-Session-Id' => $session->{id}, 'Secure-Session-Response' => $session->{key}->proof($session->{challenge}));
        is($answer->status, $status, $name);
    }
    is(refresh(Cookie => KEY . '=junk', 'Sec-Secure-Session-Id' => $session->{id})->status, 401, 'junk alone');
};

subtest 'a key cookie under an older key is replaced by a refresh' => sub {
    my ($device, $session) = bound();
    my $refresh = sub {
        my ($key) = @_;
        return $client->post('/session-device/rotated/refresh', '', Cookie => KEY . "=$key", 'Sec-Secure-Session-Id' => $session->{id},
            'Secure-Session-Response' => $session->{key}->proof($session->{challenge}));
    };
    my $answer = $refresh->($device->cookies->value(KEY));
    is_deeply([$answer->status, cookie_names($answer)], [200, BOUND, KEY], 'both cookies');
    $answer = $refresh->($answer->token(KEY));
    is_deeply([$answer->status, cookie_names($answer)], [200, BOUND], 'and then no longer');
};

subtest 'a bound session opens with its device alone' => sub {
    my ($device) = bound();
    my $session = SESSION . '=' . $device->cookies->value(SESSION);
    my $bound   = BOUND . '=' . $device->cookies->value(BOUND);
    is_deeply(seen('/', "$session; $bound"), ['user=joe', 'bound'], 'with its bound cookie');
    is_deeply(seen('/', $session), ['', 'refused'], 'without');
    is_deeply(seen('/offer', $session), ['user=joe', 'refused'], 'where the section only offers');
    is_deeply(seen('/off', $session), ['user=joe', '(null)'], 'where the section does nothing');
    is_deeply(seen('/required', "$session; $bound"), ['user=joe', 'bound'], 'where the section requires a device');
    is_deeply(seen('/', "$session; " . BOUND . '=' . $device->cookies->value(SESSION)), ['', 'refused'], 'a session is no bound cookie');
    my $value = $device->cookies->value(BOUND);
    is_deeply(seen('/', SESSION . "=$value; $bound"), ['', '(null)'], 'a bound cookie is no session');
};

subtest 'htsession shows the device of a session' => sub {
    my ($device, $session) = bound();
    my $words   = $httpd->write_file('words', "passphrase-of-device-tests\n", 0600);
    my @command = (SessionCrypto::Httpd::env('HTSESSION'), 'open', '-p', $words, '--cipher', 'aes-256-gcm', '--json');
    my $shown   = sub { return $json->decode(run(@command, $_[0])) };
    my $known   = $shown->($device->cookies->value(SESSION))->{device} // '';
    is(substr($known, 0, 21), substr($session->{id}, 0, 21), 'as the browser names it');
    is($shown->($client->get('/', 'X-S' => 'user=joe')->token)->{device}, undef, 'a session that is not bound has none');
};

subtest 'nothing takes the place of a refused session but a login, a logout and a form' => sub {
    my ($device) = bound();
    my $session = SESSION . '=' . $device->cookies->value(SESSION);
    my $bound   = BOUND . '=' . $device->cookies->value(BOUND);
    my @skipped = ('Secure-Session-Skipped' => 'server_error;session_identifier="a"');
    my @form    = ('Sec-Fetch-Mode' => 'navigate');
    my @script  = ('Sec-Fetch-Mode' => 'cors');
    for (
        ['a look',                                 '/',     undef,           [],         []],
        ['a look, where sessions are saved again', '/aged', undef,           [],         []],
        ['a cart, while the browser waits',        '/',     'cart=1',        \@skipped,  []],
        ['a cart, while it waits, and age',        '/aged', 'cart=1',        \@skipped,  []],
        ['a cart of a script, while it waits',     '/',     'cart=1',        [@skipped, @script], [], 'POST'],
        ['a cart of a form, while it waits',       '/',     'cart=1',        [@skipped, @form],   [SESSION], 'POST'],
        ['a page with a token, while it waits',    '/',     'token=1',       [@skipped, @form],   []],
        ['a cart of a browser without a device',   '/',     'cart=1',        [],         [SESSION]],
        ['a login',                                '/',     'user=jim',      \@skipped,  [SESSION]],
        ['a logout',                               '/',     'user=',         \@skipped,  [SESSION, BOUND, KEY]],
    ) {
        my ($name, $path, $writes, $more, $expected, $method) = (@$_, 'GET');
        my @headers = (@$more, Cookie => $session, defined $writes ? ('X-S' => $writes) : ());
        my $answer = $client->request($method, $path, $method eq 'POST' ? '' : undef, @headers);
        is_deeply([cookie_names($answer)], [sort @$expected], $name);
        is_deeply(seen('/', "$session; $bound"), ['user=joe', 'bound'], "$name does not end it");
    }
};

subtest 'a session without a user makes way while the browser waits' => sub {
    my $device = SessionCrypto::Device->new(servers => [$httpd]);
    $device->get('/', 'X-S' => 'uid=7');
    $device->get('/') for 1 .. 2;
    my $answer = $client->get('/', Cookie => SESSION . '=' . $device->cookies->value(SESSION), 'X-S' => 'uid=7',
        'Secure-Session-Skipped' => 'server_error;session_identifier="a"');
    is_deeply([$answer->body, $answer->header('x-device')], ['', 'refused'], 'it is refused');
    is_deeply(seen('/', SESSION . '=' . ($answer->token // '')), ['uid=7', 'unbound'], 'a login of an entry that no directive names is stored');
};

subtest 'a logout with the device removes its cookies, and ends the refreshes' => sub {
    my ($device, $session) = bound();
    my $key = KEY . '=' . $device->cookies->value(KEY);
    $device->get('/', 'X-S' => 'user=');
    is_deeply([$device->cookies->names], [], 'all cookies are gone');
    my $answer = refresh(Cookie => $key, 'Sec-Secure-Session-Id' => $session->{id});
    is($answer->status, 200, 'a refresh with a copy of the key cookie');
    is_deeply($json->decode($answer->body), { session_identifier => $session->{id}, continue => JSON::PP::false }, 'ends');
    is_deeply([cookie_names($answer)], [BOUND, KEY], 'and removes both cookies');
    is_deeply([cookie_names($client->get('/', 'X-S' => 'user='))], [SESSION], 'browsers without them get no header more');
};

subtest 'backends do not see the cookies' => sub {
    my ($device) = bound();
    my @cookies = map { $_ . '=' . $device->cookies->value($_) } SESSION, BOUND, KEY;
    for ('/', '/offer', '/required') {
        my $answer = $client->get($_, Cookie => join '; ', 'a=1', @cookies, 'b=2');
        is(first($answer, 'x-cookies'), "a=1; $cookies[0]; b=2", "$_: only the others");
        is(first($answer, 'x-device'), 'bound', "$_: the module has read them");
    }
    is(first($client->get('/off', Cookie => join '; ', @cookies), 'x-cookies'), join('; ', @cookies), 'a section without devices leaves them');
    like(first($client->get('/', Cookie => $cookies[1]), 'x-cookies') // '', qr/\A(?:\(null\))?\z/, 'nothing is left');
};

subtest 'an internal redirect does not lose the device' => sub {
    my ($device) = bound();
    my @cookies = map { $_ . '=' . $device->cookies->value($_) } SESSION, BOUND;
    my $answer = $client->get('/missing/x', Cookie => join '; ', @cookies);
    is_deeply([$answer->status, $answer->body, $answer->header('x-device')], [404, 'user=joe', 'bound'], 'with its bound cookie');
    is(first($answer, 'x-cookies'), $cookies[0], 'which the second request does not see');
    $answer = $client->get('/missing/x', Cookie => $cookies[0]);
    is_deeply([$answer->status, $answer->body, $answer->header('x-device')], [404, '', 'refused'], 'without');
    $answer = $client->get('/missing/offer', Cookie => $cookies[0]);
    is_deeply([$answer->status, $answer->body, $answer->header('x-device')], [404, '', 'refused'], 'it was let in first, and is refused later');
    is_deeply([$answer->header('set-cookie')], [], 'and stays in the browser');
};

subtest 'Require session-device bound' => sub {
    my ($device) = bound();
    is($device->get('/admin/x')->status, 200, 'a bound session');
    my $session = SESSION . '=' . $device->cookies->value(SESSION);
    is($client->get('/admin/x', Cookie => $session)->status, 403, 'without its device');
    my $login = $client->get('/', 'X-S' => 'user=joe');
    is($client->get('/admin/x', Cookie => SESSION . '=' . $login->token)->status, 403, 'a session that is not bound');
    is($client->get('/admin/x')->status, 403, 'no session');
    is($device->get('/form/x')->status, 200, 'a bound session, beside a login');
    for (['no session'], ['a session without its device', Cookie => $session], ['a session that is not bound', Cookie => SESSION . '=' . $login->token]) {
        my ($name, @cookies) = @$_;
        my $answer = $client->get('/form/x', @cookies);
        is_deeply([$answer->status, $answer->header('location')], [302, '/login-page'], "$name is led to the login");
    }
};

subtest 'a session is offered once, when it begins' => sub {
    my $login = $client->get('/', 'X-S' => 'user=joe');
    my @session = (Cookie => SESSION . '=' . $login->token);
    my $offers = sub { my ($answer) = @_; return scalar(() = $answer->header(REGISTRATION)) };
    is($offers->($login), 1, 'a login');
    is($offers->($client->get('/', @session)), 0, 'a look');
    is($offers->($client->get('/', @session, 'X-S' => 'cart=1')), 0, 'a change');
    is($offers->($client->get('/', @session, 'X-S' => 'user=jim')), 1, 'another login');
    is($offers->($client->get('/', 'X-S' => 'cart=1')), 1, 'a session without a user');
    is($offers->($client->get('/off', 'X-S' => 'user=joe')), 0, 'a section without devices');
    is($offers->($client->get('/', 'X-S' => 'user=' . 'j' x 300)), 0, 'a user whose name is too long for a cookie');
    ok($httpd->log->lines(qr/SC0813: session not offered/) > 0, 'which the log tells');
};

subtest 'the report has each event' => sub {
    my $server = SessionCrypto::Httpd->new(name => 'device-counts', tls => 1, one_child => 1, echo => '^/(?!session-device|status)', config => <<'END');
SessionCryptoPassphrase passphrase-of-device-tests
SessionCryptoDevice enforce
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
<Location "/offer">
    SessionCryptoDevice offer
</Location>
<Location "/status">
    SetHandler session-crypto-status
    Session Off
</Location>
END
    $server->start;
    my $there  = $server->client;
    my $device = SessionCrypto::Device->new(servers => [$server]);
    $device->get('/', 'X-S' => 'user=joe');
    $device->get('/') for 1 .. 5;
    my $session = SESSION . '=' . $device->cookies->value(SESSION);
    $there->get('/', Cookie => $session) for 1 .. 3;
    $there->get('/', Cookie => "$session; " . BOUND . '=' . $device->cookies->value(SESSION));
    $there->get('/offer', Cookie => $session) for 1 .. 2;
    $there->post(REGISTER, '');
    $there->post(REFRESH,  '', 'Sec-Secure-Session-Id' => ($device->sessions)[0]{id});
    $there->get('/');
    my $counts = $json->decode($there->get('/status?json')->body)->{counters}{devices};
    my %events = map { $_ => $counts->{$_} } grep { !ref $counts->{$_} } keys %$counts;
    is_deeply(\%events, { offered => 1, registered => 1, unbound => 1, refreshed => 1, became_bound => 1, bound => 3, tolerated => 2 }, 'events');
    my $some = sub { my %all = %{ $_[0] }; return { map { $_ => $all{$_} } grep { $all{$_} } keys %all } };
    is_deeply($some->($counts->{refused}), { no_cookie => 4 }, 'refused sessions, by reason');
    is_deeply($some->($counts->{denied}), { no_proof => 1, no_key => 1 }, 'endpoints, by reason');
    like($there->get('/status')->body, qr/4 of 11 requests with a session came from its device/, 'the page says so');
    $server->stop;
    $server->log->expect(qr/SC0821: session (?:not )?refused/, 'sessions without their device');
    $server->log->expect(qr/SC084[27]: /, 'what endpoints refuse');
    $server->log->clean;
};

subtest 'a wrong line' => sub {
    my $other = SessionCrypto::Httpd->new(name => 'device-require', tls => 1, config => "<Location /admin>\nRequire session-device any\n</Location>");
    my ($ok, $output) = $other->check;
    ok(!$ok, 'is refused');
    like($output, qr/SC0913: write 'Require session-device bound'/, 'in words');
};

$httpd->log->expect(qr/\[session_crypto:info\] .*SC082\d: session (?:not )?refused/, 'sessions without their device');
$httpd->log->expect(qr/\[session_crypto:info\] .*SC08[345]\d: (?:refresh|registration|no device)/, 'what endpoints refuse');
$httpd->log->expect(qr/\[session_crypto:info\] .*SC0105: session refused/, 'a bound cookie as a session');
$httpd->log->expect(qr/\[session_crypto:info\] .*SC0813: session not offered/, 'a long name');
$httpd->log->expect(qr/\[session_crypto:info\] .*SC0610: a stop of the server forgets/, 'there is no file=PATH');
$httpd->log->expect(qr/\[session_crypto:error\] .*SC0832: no device served/, 'an error document');
$httpd->log->expect(qr/AH01630/, 'requests that are denied');
$httpd->log->expect(qr/AH01811|AH01807/, 'a login is required');
$httpd->stop;
$httpd->log->clean;
done_testing;

sub register { my ($proof, @headers) = @_; return $client->post(REGISTER, '', @headers, defined $proof ? ('Secure-Session-Response' => $proof) : ()) }
sub refresh  { my (@headers) = @_; return $client->post(REFRESH, '', @headers) }

sub first { my ($answer, $name) = @_; return ($answer->header($name))[0] }

# A browser whose session is bound, and its side of that session.
sub bound {
    my $device = SessionCrypto::Device->new(servers => [$httpd]);
    $device->get('/', 'X-S' => 'user=joe');
    $device->get('/');
    my $answer = $device->get('/');
    is(first($answer, 'x-device'), 'bound', 'a bound session');
    return ($device, $device->sessions);
}

# The session that a page sees, and what it is told of the device.
sub seen {
    my ($path, $cookies) = @_;
    my $answer = $client->get($path, Cookie => $cookies);
    return [$answer->body, $answer->header('x-device')];
}

# The names of the cookies that an answer sets or removes.
sub cookie_names {
    my ($answer) = @_;
    # httpd removes a cookie twice.
    my %names = map { /\A([^=]+)=/ ? ($1 => 1) : () } $answer->header('set-cookie');
    return sort keys %names;
}
