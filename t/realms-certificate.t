# A section with a certificate is another realm than the one around it, whose passphrase
# it inherits, also if its certificate is the only file of the configuration.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();
use SessionCrypto::System       qw(read_file);

my $httpd = SessionCrypto::Httpd->new(name => 'realms_certificate', echo => '^/(app/echo|cert/)', config => <<'END');
SessionMaxAge 3600
SessionCryptoPassphrase "the passphrase of the server"
SessionCryptoCipher aes-256-gcm
<Location /app/nosuch>
    ErrorDocument 404 /cert/page
</Location>
<Location /cert>
    SessionCryptoCertificateFile both.pem
</Location>
END
my $pair = certificate($httpd->dir, 'rsa', 'rsa:2048');
$httpd->write_file('both.pem', read_file($pair->{certificate}) . read_file($pair->{key}));
$httpd->start;
my $client = $httpd->client;

my $token = $client->get('/app/echo', 'X-S' => 'user=joe')->token;
like($client->get('/app/echo', session => $token)->body, qr/\buser=joe\b/, 'a session under the passphrase');
unlike($client->get('/cert/page', session => $token)->body, qr/joe/, 'is none for the certificate');
my $res = $client->get('/app/nosuch', session => $token);
is($res->status, 404, 'an error leads to the section of the certificate');
unlike($res->body, qr/joe/, 'which does not see the session either');
unlike($client->get('/cert/page', session => $res->token // '')->body, qr/joe/, 'nor seals it for the certificate');

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a session of another realm');
$httpd->log->clean;

done_testing;
