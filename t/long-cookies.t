# Browsers drop a cookie above 4,096 bytes without a word. If a sealed session makes one,
# a warning has its lengths and the path: one a minute, over all processes. A session in
# a database makes none; t/dbd.t has one.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();

use constant {
    LIMIT   => 4096,
    WARNING => qr/\[session_crypto:warn\] .*browsers may drop the cookie/,
    # Time for two children to answer.
    SECONDS => 30,
};

my ($lua)   = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
my $SESSION = 'user=joe&page=' . 'a' x 2500;
my %FORMATS = (
    classic     => 'SessionCryptoPassphrase secret',
    jwe         => "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm",
    certificate => "SessionCryptoCertificateFile p256.pem\nSessionCryptoCertificateKeyFile p256.key",
);

# A cookie gets the attribute of the request header X-Attribute, if there is one.
my $httpd = SessionCrypto::Httpd->new(
    name => 'long-cookies', handlers => qq(LuaMapHandler "^/process" "$lua/process.lua"), session => <<'END');
Session On
SessionEnv On
SessionHeader X-S
SessionCookieName session path=/;HttpOnly
Header always edit Set-Cookie "$" "expr=%{req:X-Attribute}"
<Location /clear>
    SessionCookieName clear path=/
</Location>
<Location /both>
    SessionCookieName both path=/
    SessionCookieName2 both2 path=/
</Location>
<Location /quiet>
    LogLevel error
</Location>
<Location /denied>
    Require all denied
    ErrorDocument 403 /denied-page
</Location>
END
certificate($httpd->dir, 'p256', 'ec:P-256');
for my $format (sort keys %FORMATS) {
    subtest $format => sub {
        start("<LocationMatch ^/(?!clear)>\n$FORMATS{$format}\n</LocationMatch>\n");
        my $short = cookie('/', $SESSION);
        cmp_ok(length $short, '<', LIMIT, 'the cookie of the session is shorter');
        my $full = LIMIT - length $short;
        is(length cookie('/', $SESSION, attribute($full)), LIMIT, 'with an attribute it has as much as browsers keep');
        is(length cookie('/clear', 'a=' . 'a' x LIMIT), LIMIT + length('clear=a=;path=/'), 'a session in clear has more');
        is(length cookie('/quiet', $SESSION, attribute($full + 1)), LIMIT + 1, 'and a cookie where LogLevel wants no warning');
        is_deeply([warnings()], [], 'nobody is warned');

        my $long  = cookie('/a%0Apath?secret', $SESSION, attribute($full + 1));
        my ($token) = $long =~ /^session=([^;]+);/;
        is(length $long, LIMIT + 1, 'a cookie with one byte more');
        my $lengths = sprintf q(the cookie 'session', and the session with it: it has %d bytes with its attributes and %d )
            . q(without them, and browsers keep %d; the session has %d bytes, and its token %d: ),
            LIMIT + 1, length("session$token"), LIMIT, length $SESSION, length $token;
        my ($line) = warnings();
        like($line // '', qr/\Q$lengths\E/, 'a warning has its lengths');
        like($line // '', qr{; the path is /a\\npath$}, 'and its path, without the query');
        unlike($line // '', qr/\Q@{[substr $token, 0, 20]}\E/, 'and nothing of its token');
        $httpd->stop;
        $httpd->log->clear;
    };
}

# The lengths of a token alone, and what else may be in an answer.
my @ANSWERS = (
    ['the token alone is too long', '/', 'user=joe&page=' . 'a' x 4000, 'session', '/'],
    ['a page for an error, after a redirect', '/denied?x', $SESSION, 'session', '/denied', attribute(2000)],
    ['two headers, one of which browsers ignore', '/both', $SESSION, 'both', '/both', attribute(2000)],
);
for my $answer (@ANSWERS) {
    my ($name, $path, $session, $cookie, $said, @attribute) = @$answer;
    subtest $name => sub {
        start($FORMATS{jwe});
        cmp_ok(length cookie($path, $session, @attribute), '>', LIMIT, 'a cookie is too long');
        my @warnings = warnings();
        is(scalar @warnings, 1, 'there is one warning');
        like($warnings[0] // '', qr{the cookie '$cookie', .*; the path is \Q$said\E$}, 'with its name and its path');
        $httpd->stop;
        $httpd->log->clear;
    };
}

subtest 'processes together' => sub {
    start($FORMATS{jwe});
    my %pids = answering(2);
    cmp_ok(scalar keys %pids, '>=', 2, 'two children have answered with cookies that are too long');
    is(scalar(my @first = warnings()), 1, 'there is one warning');
    $httpd->restart;
    %pids = (answering(2), %pids);
    cmp_ok(scalar keys %pids, '>=', 4, 'and so have two of the next generation');
    is(scalar(my @second = warnings()), 1, 'still, there is one');
    $httpd->stop;
};

$httpd->log->clean;

done_testing;

sub start {
    my ($config) = @_;
    $httpd->{config} = $config;
    $httpd->start;
    $httpd->log->expect(WARNING, 'the line under test');
    $httpd->log->expect(qr/AH01630/, 'the page that is denied');
    return;
}

sub warnings { return $httpd->log->lines(WARNING) }

# The header that sets the cookie of a session.
sub cookie {
    my ($path, $session, @headers) = @_;
    my ($cookie) = $httpd->client->get($path, 'X-S' => $session, @headers)->header('set-cookie');
    return $cookie // '';
}

# A request header that adds so many bytes to the cookie.
sub attribute {
    my ($bytes) = @_;
    return ('X-Attribute' => ';x=' . 'x' x ($bytes - 3));
}

# The numbers of the first processes that answer, as keys. The kernel may give one process
# many connections in turn.
sub answering {
    my ($count) = @_;
    my %pids;
    my $deadline = time + SECONDS;
    while (time < $deadline) {
        $pids{ $httpd->client->get('/process', 'X-S' => $SESSION, attribute(2000))->body } = 1;
        last if keys %pids >= $count;
    }
    return %pids;
}
