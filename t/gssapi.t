# Logins by Kerberos in sessions of this module, with the lines of docs/recipes.md and a real KDC:
# a browser negotiates once, and the session serves every child, other servers and restarts, also
# without the KDC. A cookie shows nothing, and neither of the two keys alone makes a login.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Engines  qw(in_each_child process_handler);
use SessionCrypto::Httpd    ();
use SessionCrypto::KeySets  qw(key key_id key_set);
use SessionCrypto::Kerberos qw(need_kerberos);
use SessionCrypto::Recipes  ();
use SessionCrypto::System   qw(read_file run write_file);

need_kerberos();

use constant PASSWORD => 'S3cr3t-of-joe';

my $files = SessionCrypto::Httpd->new(name => 'gssapi-files')->dir;
my $realm = SessionCrypto::Kerberos->new("$files/kdc");
$realm->add('HTTP/127.0.0.1', keytab => "$files/http.keytab");
$realm->add('joe', password => PASSWORD);

my ($old, $new) = map { key($_) } qw(old new);
my $httpd  = server('gssapi', "$files/gssapi.key", $old);
my $client = $httpd->client;

my $res = $client->get('/private/');
is($res->status, 401, 'without a ticket, nobody is logged in');
is(($res->header('www-authenticate'))[0], 'Negotiate', 'the browser is told to negotiate');
is($res->token, undef, 'and gets no session');
is(negotiate($httpd)->{status}, 401, 'curl has no ticket');

$realm->log_in('joe', PASSWORD);
my $login = negotiate($httpd);
is_deeply([@$login{qw(status user)}], [200, 'joe@SESSIONS.TEST'], 'a ticket logs in');
like($login->{cookie}, qr/;\s*HttpOnly/i, 'and there is a cookie');
my $token = $login->{token};
is(key_id($token), 'old', 'which this module has sealed');
my $text = inspected($httpd, $token);
like($text, qr/\bMagBearerToken=[\w%+\/=]+/, 'in it is the login of mod_auth_gssapi');
unlike($text, qr/joe/, 'which does not show the user');
$realm->log_out;
$realm->stop;

is_user($httpd, $token, 'the session is the login, without a ticket and without a KDC');
my %statuses;
my $children = in_each_child($httpd, sub { $statuses{ $_[0]->get('/private/', session => $token)->status }++ });
cmp_ok($children, '>=', 2, 'several children answer');
is_deeply([keys %statuses], [200], 'and each takes it');
$httpd->restart;
is_user($httpd, $token, 'also after a restart');
$httpd->write_file('session-keys', key_set($old, $new), 0600);
$httpd->restart;
my $renewed = is_user($httpd, $token, 'and with a new key')->token // '';
is(key_id($renewed), 'new', 'under which it is saved again');

my $twin = server('gssapi-twin', "$files/gssapi.key", $old, $new);
is_user($twin, $renewed, 'another server with both keys takes it');
is($twin->client->get('/private/')->status, 401, 'and nobody without it');
done($twin);

# An attacker with one of the keys.
my $sessions = server('gssapi-sessions', "$files/other.key", $old, $new);
is($sessions->client->get('/private/', session => $token)->status, 401, 'with another key of mod_auth_gssapi, a session is no login');
my $made = $sessions->client->get('/', 'X-S' => 'MagBearerToken=' . 'A' x 128)->token;
is($httpd->client->get('/private/', session => $made)->status, 401, 'nor is one that is made up under the key of this module');
done($sessions);
is($httpd->client->get('/private/', session => $_)->status, 401, 'nor is an entry in clear') for 'MagBearerToken=AAAA', 'MagBearerToken=' . 'A' x 128;
my $entries = server('gssapi-entries', "$files/gssapi.key", key('theirs'));
is($entries->client->get('/private/', session => $token)->status, 401, 'with another key of this module, neither');
done($entries);

# A logout: an application saves an empty session, and no copy of the cookie works.
is_user($httpd, $renewed, 'before the logout');
$client->get('/', 'X-S' => 'MagBearerToken=', session => $renewed);
is($httpd->client->get('/private/', session => $renewed)->status, 401, 'after it, a copy of the cookie is no login');
is($httpd->client->get('/private/', session => $token)->status, 401, 'nor is an older one');

done($httpd);

done_testing;

# A server with the recipe, a key of mod_auth_gssapi and the keys of a set.
sub server {
    my ($name, $key, @keys) = @_;
    my $httpd  = SessionCrypto::Httpd->new(
        name => $name, with => ['auth_gssapi'], tls => 1, handlers => process_handler(), session => '');
    my $recipe = SessionCrypto::Recipes->new($httpd, 'Sessions of mod_auth_gssapi',
        '/etc/apache2/http.keytab' => "$files/http.keytab", '/etc/apache2/gssapi.key' => $key);
    $httpd->{config} = $recipe->config . <<'END';
SessionEnv On
SessionHeader X-S
Header always set X-User expr=%{REMOTE_USER}
END
    $httpd->write_file('session-keys', key_set(@keys), 0600);
    return $httpd->start;
}

# Stops a server, and asserts that its log has nothing else.
sub done {
    my ($httpd) = @_;
    $httpd->stop;
    $httpd->log->expect(qr/\[auth_gssapi:\w+\] .*\bNO AUTH DATA\b/,               'requests without a login');
    $httpd->log->expect(qr/\[auth_gssapi:\w+\] .*\bFailed to unseal session data!/, 'sessions under another key of mod_auth_gssapi');
    $httpd->log->expect(qr/SC0610/,                                               'the list of ended sessions has no file');
    $httpd->log->expect(qr/\[session_crypto:info\] .*\[client /,                  'sessions that have ended, or are under another key');
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $httpd->log->clean;
}

# Asks as a browser that may negotiate.
sub negotiate {
    my ($httpd) = @_;
    my $text = run('curl', '--silent', '--include', '--negotiate', '--user', ':', '--http1.1', '--max-time', 30,
        '--cacert', $httpd->certificate, 'https://127.0.0.1:' . $httpd->port . '/private/');
    my ($last) = $text =~ m{.*^(HTTP/1\.1 .*)}ms;
    my ($status) = $last =~ m{^HTTP/1\.1 (\d+)};
    my ($user)   = $last =~ /^X-User: (.*?)\r$/mi;
    my ($cookie) = $last =~ /^Set-Cookie: (session=.*?)\r$/mi;
    my ($token)  = ($cookie // '') =~ /^session=([^;]*)/;
    return { status => $status, user => $user, cookie => $cookie // '', token => $token };
}

# Asserts that a session is the login of joe, and returns the response.
sub is_user {
    my ($httpd, $token, $name) = @_;
    my $res = $httpd->client->get('/private/', session => $token);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply([$res->status, $res->header('x-user')], [200, 'joe@SESSIONS.TEST'], $name);
    return $res;
}

# The text of a session, which the keys of a server open.
sub inspected {
    my ($httpd, $token) = @_;
    write_file("$files/token", $token);
    return run('sh', '-c', '"$1" open -k "$2" <"$3"', 'sh', SessionCrypto::Httpd::env('HTSESSION'), $httpd->dir . '/session-keys', "$files/token");
}
