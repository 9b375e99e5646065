# The ids of users follow from the private key of a certificate. A key in a file and the
# same key on a hardware token give the same ids, so servers with one and with the other
# end each other's sessions. The hardware token is used once, at the start.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates  qw(certificate);
use SessionCrypto::HardwareToken ();
use SessionCrypto::Httpd         ();

use constant PIN => 'S3cr3t-pin';

my $files    = SessionCrypto::Httpd->new(name => 'end-keys-files')->dir;
my $hardware = SessionCrypto::HardwareToken->new("$files/hsm", pin => PIN);
my %KINDS    = (rsa => 'rsa:2048', p256 => 'ec:P-256', p384 => 'ec:P-384');
my %pair     = map { $_ => certificate($files, $_, $KINDS{$_}) } sort keys %KINDS;
$hardware->store_key($_, $pair{$_}{key}) for sort keys %pair;

my $config = "SessionCryptoRevocation on\n";
for my $name (sort keys %pair) {
    $config .= <<"END";
<Location "/file/$name">
    SessionCryptoCertificateFile    "$pair{$name}{certificate}"
    SessionCryptoCertificateKeyFile "$pair{$name}{key}"
</Location>
<Location "/hardware/$name">
    SessionCryptoEngine pkcs11
    SessionCryptoPassphrase @{[PIN]}
    SessionCryptoCertificateFile    "$pair{$name}{certificate}"
    SessionCryptoCertificateKeyFile "@{[$hardware->uri($name)]}"
</Location>
END
}
$config .= <<'END';
<LocationMatch "/out$">
    SetHandler session-crypto-end-sessions
</LocationMatch>
END

my $httpd  = SessionCrypto::Httpd->new(name => 'end-keys', echo => '^/(?!.*/out$)', one_child => 1, config => $config)->start;
my $client = $httpd->client;

# The parent has made the keys of ids, as well as the content keys of these tokens.
my %joe = map { $_ => login("/hardware/$_", 'user=joe') } sort keys %pair;
$hardware->take_away;
for my $name (sort keys %pair) {
    is(user("/hardware/$name", $joe{$name}), 'user=joe', "$name: without the hardware token a session opens");
    is($client->post("/hardware/$name/out", undef, session => $joe{$name})->status, 204, 'and is ended');
    is(user("/hardware/$name", $joe{$name}), '', 'so that it does not open');
}
$hardware->put_back;

for my $name (sort keys %pair) {
    for my $from (qw(file hardware)) {
        my %ended  = map { $_ => login("/$_/$name", 'user=joe') } qw(file hardware);
        my %others = map { $_ => login("/$_/$name", 'user=jane') } qw(file hardware);
        is($client->post("/$from/$name/out", undef, session => $ended{$from})->status, 204, "$name: the key is in the $from");
        for my $to (qw(file hardware)) {
            is(user("/$to/$name", $ended{$to}),  '',          "a session of the user under the key in the $to has ended");
            is(user("/$to/$name", $others{$to}), 'user=jane', 'that of another user has not');
        }
    }
}

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*(?:session ended|the sessions of a user are ended)/, 'what the requests ask for');
$httpd->log->expect(qr/a stop of the server forgets ended sessions/, 'the list is not kept in a file');
$httpd->log->clean;

done_testing;

sub login {
    my ($path, $session) = @_;
    return $client->get($path, 'X-S' => $session)->token;
}

# The session that a token opens to.
sub user {
    my ($path, $token) = @_;
    return $client->get($path, session => $token)->body;
}
