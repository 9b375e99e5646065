# A cookie that does not open locks nobody out: the answer to a correct login with such
# a cookie is a session that is logged in. The same holds for a session that has
# expired: what a login writes to it is saved.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();

my $CONFIG = <<'END';
<Location /private>
    SessionCryptoPassphrase new
</Location>
<Location /retired>
    SessionCryptoPassphrase old
</Location>
<LocationMatch "/private$">
    AuthType Form
    AuthName private
    AuthFormProvider file
    AuthUserFile "@DIR@/users"
    Require valid-user
</LocationMatch>
END
# Each of these has sections with sessions of one second, of long life, and for ever.
my %SETTINGS = (
    'clear'       => '',
    'classic'     => 'SessionCryptoPassphrase new',
    'jwe'         => "SessionCryptoPassphrase new\nSessionCryptoCipher aes-256-gcm",
    'certificate' => "SessionCryptoCertificateFile \@DIR\@/web.pem\nSessionCryptoCertificateKeyFile \@DIR\@/web.key",
);
my %AGE = (short => 'SessionMaxAge 1', aged => 'SessionMaxAge 100', ageless => '');
my $LOGIN = 'httpd_username=joe&httpd_password=correct';

my %httpd = map { $_ => start($_) } qw(ours c);
my %cookies = (
    'no cookie'                  => sub { return },
    'an empty cookie'            => sub { return session => '' },
    'a junk cookie'              => sub { return session => 'junk' },
    'a long junk cookie'         => sub { return session => 'junk' x 100 },
    'a cookie under a retired key' => sub { return session => $_[0]->get('/retired', 'X-S' => 'user=joe')->token },
    'a session in clear'         => sub { return session => 'private-user=joe&private-pw=correct' },
);

for my $name (sort keys %cookies) {
    my $client = $httpd{ours}->client;
    my @cookie = $cookies{$name}->($client);
    is($client->get('/private', @cookie)->status, 401, "$name is not a login");
    is($client->post('/private', 'httpd_username=joe&httpd_password=wrong', @cookie)->status, 401,
        "$name and a wrong password are not a login");
    my $login = $client->post('/private', $LOGIN, @cookie);
    is($login->status, 200, "$name and the right password are a login");
    ok($login->token, 'that sets a cookie');
    is($client->get('/private', session => $login->token // '')->status, 200, 'and the next request is logged in');
}

# The C module loses this login. A later httpd may keep it.
for my $name ('a junk cookie', 'a cookie under a retired key') {
    my $client = $httpd{c}->client;
    my $login  = $client->post('/private', $LOGIN, $cookies{$name}->($client));
    note("the C module with $name: status ", $login->status, ', ',
        $login->token ? 'logged in' : 'locked out: no Set-Cookie');
}
{
    my $client = $httpd{c}->client;
    my $login  = $client->post('/private', $LOGIN);
    is($client->get('/private', session => $login->token // '')->status, 200,
        'the C module logs in a user without a cookie: the configuration is right');
    is($httpd{ours}->client->get('/private', session => $login->token // '')->status, 200,
        'and its login is a login here');
}

# The scenario of httpd-tests (t/modules/session.t): mod_session discards a session that
# has expired and keeps one that has not, and requests can write to either.
my %expired;
for my $module (qw(ours c)) {
    my $client = $httpd{$module}->client;
    for my $kind (kinds($module)) {
        my $set = sub { $client->get("/$_[0]/$kind", 'X-S' => $_[1])->token // die "no session of $kind\n" };
        $expired{$module}{$kind} = {
            data  => $set->('short', 'user=joe&left=behind'),
            login => $set->('short', 'private-user=joe&private-pw=correct'),
            young => $set->('aged', 'user=joe'),
        };
    }
}
# Each session has a second to live, by the clock of this machine.
my $end = time + 1;
sleep $end - time while time <= $end;

for my $kind (kinds('ours')) {
    for my $age (qw(aged ageless)) {
        my $client = $httpd{ours}->client;
        my ($path, $name) = ("/$age/$kind", "$kind, $age");
        my %old = %{ $expired{ours}{$kind} };
        like($client->get($path, session => $old{young})->body, qr/^user=joe&expiry=\d+$/, "$name: a young session is kept");
        my $read = $client->get($path, session => $old{data});
        like($read->body, $age eq 'aged' ? qr/^expiry=\d+$/ : qr/^$/, "$name: an expired session is discarded");
        my $written = $client->get($path, session => $old{data}, 'X-S' => 'user=jane');
        lives($client, $path, $written->token, 'user=jane', "$name: what an application writes to it");

        is($client->get("$path/private", session => $old{login})->status, 401, "$name: an expired login does not count");
        is($client->post("$path/private", 'httpd_username=joe&httpd_password=wrong', session => $old{login})->status, 401,
            "$name: nor is a wrong password with it");
        for my $which (qw(data login)) {
            my $login = $client->post("$path/private", $LOGIN, session => $old{$which});
            is($login->status, 200, "$name: a login over an expired session ($which)");
            is($client->get("$path/private", session => $login->token // '')->status, 200, 'and the next request is logged in');
            lives($client, $path, $login->token, 'private-user=joe&private-pw=correct', 'the login');
        }
    }
}
for my $kind (kinds('c')) {
    for my $age (qw(aged ageless)) {
        my $client = $httpd{c}->client;
        my $login  = $client->post("/$age/$kind/private", $LOGIN, session => $expired{c}{$kind}{login});
        my $next   = $client->get("/$age/$kind/private", session => $login->token // '')->status;
        note("the C module, $kind, $age, with a login over an expired session: ",
            defined $login->token ? 'a cookie is set, ' : 'no Set-Cookie, ', $next == 200 ? 'logged in' : 'the login is lost');
    }
}

$_->stop for values %httpd;
$httpd{ours}->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a cookie that does not open');
$httpd{ours}->log->expect(qr/AH01617|AH01807/, 'a wrong password');
$httpd{c}->log->expect(qr/AH01840|AH01842|AH01817/, 'a cookie that does not open, for the C module');
$httpd{$_}->log->clean("$_: nothing unexpected in error_log") for sort keys %httpd;

done_testing;

# For the C module: no certificate, and a cipher that it has.
sub kinds { my ($module) = @_; return $module eq 'c' ? qw(classic clear) : sort keys %SETTINGS }

# Asserts that a token is a session with these entries and, if the section gives it any,
# a life before it. An expired session leaves no entry.
sub lives {
    my ($client, $path, $token, $entries, $name) = @_;
    my $body = $client->get($path, session => $token // '')->body;
    my ($expiry) = $body =~ s/&?expiry=(\d+)// ? $1 : ();
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($body, $entries, "$name is saved");
    return $path =~ /aged/
        ? cmp_ok(($expiry // 0) / 1e6, '>', time + 50, 'and expires later')
        : is($expiry, undef, 'and does not expire');
}

sub start {
    my ($module) = @_;
    my $httpd = SessionCrypto::Httpd->new(name => "lockout_$module", module => $module);
    certificate($httpd->dir, 'web', 'ec:P-256') if $module eq 'ours';
    my %config;
    for my $kind (kinds($module)) {
        for my $age (sort keys %AGE) {
            $config{"$age/$kind"} = "$SETTINGS{$kind}\n$AGE{$age}\n";
        }
    }
    $httpd->{config} = $CONFIG . join '', map { "<Location /$_>\n$config{$_}</Location>\n" } sort keys %config;
    # The hash of `correct`, made by `openssl passwd -apr1`.
    my $hash = '$apr1$WGkoydIX$2PFx9TKMAAtRIMO9l3zIj0';
    $httpd->write_file('users', "joe:$hash\n");
    return $httpd->start;
}
