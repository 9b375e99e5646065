# An error document that is itself an error does not answer. The session of the request
# that answers is saved, and no other session follows it.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd ();

my $CONFIG = <<'END';
<Directory "@DIR@/htdocs">
    AllowOverride All
</Directory>
Session On
SessionEnv On
SessionMaxAge 3600
SessionHeader X-S
SessionCookieName session path=/
<Location /app>
    SessionCryptoPassphrase "the passphrase of the application"
    SessionCryptoCipher %s
</Location>
<Location /author>
    SessionCryptoPassphrase "a passphrase of the author alone"
    SessionCryptoCipher %s
</Location>
<Location /app/denied>
    ErrorDocument 404 /author/denied/page
</Location>
<Location /app/nosuch>
    ErrorDocument 404 /author/nosuch
</Location>
<Location /author/denied>
    Require all denied
</Location>
END

for my $cipher (qw(aes256 aes-256-gcm)) {
    my $httpd = SessionCrypto::Httpd->new(
        name => 'realms_error', session => '', one_child => 1, echo => '^/app/echo',
        config => $CONFIG =~ s/%s/$cipher/gr
    )->start;
    my $client = $httpd->client;
    my $token  = $client->get('/app/echo', 'X-S' => 'user=joe')->token;
    for my $error (qw(denied nosuch)) {
        my $res = $client->get("/app/$error/page", session => $token);
        is($res->status, 404, "$cipher: the error document is an error ($error)");
        my @sent = $res->header('set-cookie');
        is(scalar @sent, 1, "$cipher: one session is sent") or diag("@sent");
        my ($last) = $sent[-1] =~ /session=([^;]+)/;
        like($client->get('/app/echo', session => $last)->body, qr/^user=joe&/, "$cipher: the application's user stays logged in");
    }
    $httpd->stop;
    $httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a session of another realm');
    $httpd->log->expect(qr/AH01630/, 'denied');
    $httpd->log->clean;
}

done_testing;
