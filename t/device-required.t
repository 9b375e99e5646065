# Where `required` refuses a session because it is not bound in time, a person who opens a page
# is told why, once for a session with a user. Visitors without one, programs, scripts and
# forms are answered as ever, with an empty session; no answer destroys the session, and no
# session that is refused for another reason has the page.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(BOUND SESSION value);
use SessionCrypto::Browser       ();
use SessionCrypto::Httpd         ();

use constant { TOLD => BOUND . '-told', AFTER => 61 };
use constant OPENED => ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document');

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my $site = SessionCrypto::BoundSessions->new('device-required', <<'CONFIG');
Header always set X-Cookies "expr=%{HTTP:Cookie}"
<Location "/required/own">
    ErrorDocument 403 /required/page
</Location>
<Location "/required/text">
    ErrorDocument 403 "our own words"
</Location>
<Location "/required/default">
    ErrorDocument 403 default
</Location>
<Location "/offer/denied">
    ErrorDocument 403 /required/page
    Require all denied
</Location>
<Location "/required/form">
    AuthType form
    AuthName private
    AuthFormProvider file
    AuthUserFile "@DIR@/users"
    AuthFormLoginRequiredLocation /required/login
    Require valid-user
</Location>
<Location "/required/without">
    SetEnv session-device-no-page 1
</Location>
CONFIG
$site->httpd->write_file('users', '');
my $client = $site->client;

my $birth   = $site->time;
my $login   = $client->get('/required', 'X-S' => 'user=joe', OPENED);
my @session = (SESSION . '=' . $login->token(SESSION));
is($login->status, 200, 'a login');
is(opened('/required')->body, 'user=joe', 'a page in time');
$site->wait(AFTER);

my $told;
subtest 'a person is told why, once' => sub {
    my $answer = opened('/required?a=b');
    is($answer->status, 403, 'status');
    is_deeply([$answer->header('cache-control')], ['no-store'], 'not for caches');
    like(join('', $answer->header('content-type')), qr{\Atext/html\b}, 'a page');
    like($answer->body, qr/\A<!DOCTYPE html>.*Your browser has not shown in time that it keeps a key/s, 'which says why');
    unlike($answer->body, qr/<script|\bon\w+=|user=|[^\x00-\x7f]/i, 'without a script, the session or letters beyond ASCII');
    like($answer->body, qr/<a href="">/, 'and leads on to itself');
    is($site->device($answer), 'refused', 'what applications and logs are told');
    my ($cookie, @others) = $answer->header('set-cookie');
    is_deeply(\@others, [], 'the session stays');
    (my $began, my $attributes) = $cookie =~ /\A@{[TOLD]}=(\d+)(; .*)\z/;
    cmp_ok(abs($began - $birth), '<', AFTER, 'a cookie with the birth of the session');
    is($attributes, '; Path=/; Secure; HttpOnly; SameSite=Lax', 'for all paths');
    $told = TOLD . "=$began";
    $answer = opened('/required?a=b', $told);
    is_deeply([$answer->status, $answer->body, $site->device($answer), $answer->header('set-cookie')],
        [200, '', 'refused'], 'the next page is that of the application');
    is(opened('/required', TOLD . '=' . ($began - 1))->status, 403, 'another session has it once more');
};

subtest 'a browser without devices shows it' => sub {
    my $browser = SessionCrypto::Browser->new($site->httpd->dir, '--ignore-certificate-errors')
        or plan(skip_all => 'this system has no chromium');
    my $url = 'https://127.0.0.1:' . $site->httpd->port . '/required?a=b';
    $browser->call('Network.setCookie', url => $url, name => SESSION, value => value($session[0]));
    $browser->open($url);
    is($browser->run('document.title'), 'Your session is not accepted', 'a page with a title');
    is($browser->run("document.querySelector('a').href"), $url, 'and a link to itself');
    $browser->open($url);
    is($browser->run('document.body.innerText'), '', 'which leads on');
    is($browser->run("fetch('/offer').then((answer) => answer.text())"), 'user=joe', 'with the session as it was');
    $browser->close;
};

subtest 'nobody else gets the page' => sub {
    my @mode = ('Sec-Fetch-Mode' => 'navigate');
    for (
        ['a program'                               ],
        ['a script',            'Sec-Fetch-Mode' => 'cors',  'Sec-Fetch-Dest' => 'empty'],
        ['an image',            'Sec-Fetch-Mode' => 'no-cors', 'Sec-Fetch-Dest' => 'image'],
        ['a frame',             @mode, 'Sec-Fetch-Dest' => 'iframe'],
        ['a page in advance',   OPENED, 'Sec-Purpose' => 'prefetch;prerender'],
        ['a browser that refreshes later', OPENED, 'Secure-Session-Skipped' => 'server_error;session_identifier="a"'],
    ) {
        my ($name, @headers) = @$_;
        my $answer = $client->get('/required', Cookie => "@session", @headers);
        is_deeply([$answer->status, $answer->body, $answer->header('set-cookie')], [200, ''], $name);
    }
    my $answer = $client->post('/required', 'a=b', Cookie => "@session", OPENED);
    is_deeply([$answer->status, $answer->body], [200, ''], 'a form');
    is($client->get('/required', OPENED)->status, 200, 'a visitor without a session');
    is($client->get('/required', Cookie => SESSION . '=junk', OPENED)->status, 200, 'a visitor with junk');
};

subtest 'a visitor who has not logged in' => sub {
    # He would meet the page each minute: each page of a shop may begin a session.
    my $token = $client->get('/offer', 'X-S' => 'cart=1')->token(SESSION);
    $site->wait(AFTER);
    my $answer = $client->get('/required', Cookie => SESSION . "=$token", OPENED);
    is_deeply([$answer->status, $answer->body, $site->device($answer), $answer->header('set-cookie')],
        [200, '', 'refused'], 'is not told to sign in again');
};

subtest 'the page of an error does not become another one' => sub {
    my $answer = opened('/offer/denied');
    is_deeply([$answer->status, $answer->body, $answer->header('set-cookie')], [403, ''], 'it is there');
};

subtest 'a section that demands a login' => sub {
    my $answer = opened('/required/form');
    is_deeply([$answer->status, $answer->header('location'), $answer->header('set-cookie')], [302, '/required/login'], 'leads there');
    $answer = opened('/required/login');
    like($answer->body, qr/keeps a key/, 'where the page comes first');
    is(opened('/required/login', $told)->status, 200, 'and then the login');
};

subtest 'sections that let the session in still have it' => sub {
    is(opened($_)->body, 'user=joe', $_) for '/offer', '/enforce';
};

subtest 'a login goes on' => sub {
    my $answer = opened('/required', $told, 'X-S' => 'user=jim');
    is($answer->status, 200, 'it is answered');
    is($client->get('/required', session => $answer->token(SESSION))->body, 'user=jim', 'and its session is there');
};

subtest 'sessions that are refused for another reason' => sub {
    my ($owner, $stolen) = $site->theft;
    my $answer = $client->get('/required', Cookie => $stolen->{marked}, OPENED);
    is_deeply([$answer->status, $answer->body, $site->device($answer)], [200, '', 'refused'], 'a bound one without its device');
    $answer = $owner->get('/required', OPENED);
    is_deeply([$answer->status, $answer->body], [200, 'user=joe'], 'its owner');
};

subtest 'an administrator has words of his own, or none' => sub {
    my $answer = opened('/required/own');
    is_deeply([$answer->status, $answer->body, $site->device($answer)], [403, '', 'refused'], 'an ErrorDocument');
    unlike($answer->body, qr/DOCTYPE/, 'in place of the page');
    is_deeply([map { /\A([^=]+)/ } $answer->header('set-cookie')], [TOLD], 'comes once, too');
    is(opened('/required/text')->body, 'our own words', 'a text');
    unlike(opened('/required/default')->body, qr/keeps a key/, "httpd's own words");
    $answer = opened('/required/without');
    is_deeply([$answer->status, $answer->body, $answer->header('set-cookie')], [200, ''], 'nothing');
};

$site->stop;
$site->httpd->log->expect(qr/\[session_crypto:info\] .*SC082[15]: session refused/, 'refused sessions');
$site->httpd->log->expect(qr/\[session_crypto:info\] .*SC0113: session refused/, 'junk');
$site->httpd->log->expect(qr/AH01630/, 'a request that is denied');
$site->httpd->log->expect(qr/AH01811|AH01807/, 'a login is required');
$site->log_is_clean;

done_testing;

# The answer to a person who opens a page with the session.
sub opened {
    my ($path, @more) = @_;
    my @cookies = (@session, grep { /^@{[TOLD]}=/ } @more);
    return $client->get($path, Cookie => join('; ', @cookies), OPENED, grep { !/^@{[TOLD]}=/ } @more);
}
