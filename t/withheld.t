# A token that this server cannot open, but another server can, or this one later, stays
# in its cookie. With SessionMaxAge, mod_session would save an empty session over it. A
# login over it is saved as ever.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd ();

my $here  = start('SessionCryptoPassphrase "the passphrase of this server"');
my $there = start('SessionCryptoPassphrase "the passphrase of other servers"');
my $httpd = $here->client;

# The key of each token, and whether this server can tell that others may have it.
my %tokens = (
    'a JWE under a key of other servers' => [1, '/jwe', $there->client->get('/jwe', 'X-S' => 'user=joe')->token],
    'a JWE for a certificate of other servers' =>
        [1, '/certified', $there->client->get('/certified', 'X-S' => 'user=joe')->token],
    'a classic session of other servers' => [0, '/', $there->client->get('/', 'X-S' => 'user=joe')->token],
    'junk'                               => [0, '/', 'junk'],
);

for my $name (sort keys %tokens) {
    my ($is_withheld, $path, $token) = @{ $tokens{$name} };
    my $res = $httpd->get($path, session => $token);
    is($res->status, 200, "$name: the request goes on");
    like($res->body, qr/^expiry=\d+$/, 'with an empty session');
    if ($is_withheld) {
        is($res->token, undef, 'and the cookie stays what it was');
    }
    else {
        ok($res->token, 'that replaces the cookie');
    }
    my $login = $httpd->get($path, session => $token, 'X-S' => 'user=jane');
    like($httpd->get($path, session => $login->token // '')->body, qr/^user=jane&expiry=\d+$/, 'a login is saved over it');
    # An application that empties the session means a logout.
    my $logout = $httpd->get($path, session => $token, 'X-S' => 'user=');
    ok($logout->token, 'and so is a logout');
}

for my $server ($here, $there) {
    $server->stop;
    $server->log->expect(qr/\[session_crypto:info\] .*session refused/, 'tokens of the other server');
    $server->log->clean;
}

done_testing;

sub start {
    my ($passphrase) = @_;
    my $server = SessionCrypto::Httpd->new(config => <<"END");
SessionMaxAge 600
$passphrase
<Location /jwe>
    SessionCryptoCipher aes-256-gcm
</Location>
END
    my $pair = certificate($server->dir, 'sessions', 'ec:P-256');
    $server->{config} .= <<"END";
<Location /certified>
    SessionCryptoCertificateFile    "$pair->{certificate}"
    SessionCryptoCertificateKeyFile "$pair->{key}"
</Location>
END
    return $server->start;
}
