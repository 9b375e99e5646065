# Sessions open in JOSE libraries of other authors, and their sessions open here. The
# programs of docs/open-a-session show it under each cipher of JWE, with and without a
# purpose. A missing library is a failure.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd    ();
use SessionCrypto::Programs qw(programs);
use SessionCrypto::Session  qw(decode encode);

my %ENC = ('aes-128-gcm' => 'A128GCM', 'aes-192-gcm' => 'A192GCM', 'aes-256-gcm' => 'A256GCM');
my %PURPOSE = (any => undef, shop => "the shop's, at https://shop.example/?a=1&b=2");

# Every byte that a session can hold, as mod_session writes it.
my $session = encode({ user => 'joe', every => join '', map { chr } 1 .. 255 });

my $config = qq(SessionCryptoPassphraseFile "\@DIR\@/passphrases"\n);
for my $cipher (sort keys %ENC) {
    for my $name (sort keys %PURPOSE) {
        my $purpose = defined $PURPOSE{$name} ? qq(SessionCryptoPurpose "$PURPOSE{$name}"\n) : '';
        $config .= "<Location /$cipher/$name>\nSessionCryptoCipher $cipher\n$purpose</Location>\n";
    }
}
$config .= "<Location /expires>\nSessionCryptoCipher aes-256-gcm\nSessionMaxAge 1\n</Location>\n";
my $httpd = SessionCrypto::Httpd->new(name => 'jose', config => $config);
# A passphrase with bytes above ASCII, and longer than a key of HMAC.
my $passphrase = "caf\xc3\xa9+\xff" . 'long' x 30;
$ENV{SESSION_PASSPHRASE_FILE} = $httpd->write_file('passphrases', "$passphrase\n", 0600);
$httpd->start;
my $client   = $httpd->client;
my @programs = programs('session', $httpd->dir);

for my $program (@programs) {
    my $library = $program->name;
    for my $cipher (sort keys %ENC) {
        for my $name (sort keys %PURPOSE) {
            my @purpose = $PURPOSE{$name} // ();
            my $for     = "$cipher, " . (@purpose ? 'a purpose' : 'no purpose');
            my $token   = $client->get("/$cipher/$name", 'X-S' => $session)->token // '';
            my ($opened) = $program->run($token, 'open', @purpose);
            is(same($opened), $session, "$library opens: $for");
            ($token) = $program->run($session, 'make', $ENC{$cipher}, @purpose);
            my $res = $client->get("/$cipher/$name", session => $token);
            is(same($res->body), $session, "httpd opens what $library makes: $for");
            is($res->token, undef, 'and has no reason to seal it again');
        }
    }
}

my $token   = $client->get('/aes-256-gcm/shop', 'X-S' => $session)->token // '';
my $expires = $client->get('/expires', 'X-S' => 'user=joe')->token // '';
my $other   = $httpd->write_file('other', "$passphrase \n");
my $second  = $httpd->write_file('second', "first\n$passphrase\n");
sleep 2;
for my $program (@programs) {
    my $purpose = $PURPOSE{shop};
    $program->refuses('a token without its purpose', qr/purpose/, $token);
    $program->refuses('a purpose that differs in a letter', qr/purpose/, $token, $purpose =~ s/shop/Shop/r);
    $program->refuses('a token with a letter changed', qr/tag/, change($token), $purpose);
    $program->refuses('a tag cut short', qr/tag|not a token/, substr($token, 0, -4), $purpose);
    $program->refuses('a session that has expired', qr/expired/, $expires);
    $program->refuses('a classic token', qr/not a token/, 'A' x 76 . '==');
    local $ENV{SESSION_PASSPHRASE_FILE} = $other;
    $program->refuses('another passphrase', qr/key id/, $token, $purpose);
    $ENV{SESSION_PASSPHRASE_FILE} = $second;
    is(same($program->run($token, 'open', $purpose)), $session, $program->name . ' opens under the second passphrase');
}

$httpd->stop;
$httpd->log->clean;

done_testing;

# mod_session escapes fewer characters than this test.
sub same { return encode(decode($_[0])) }

# Changes one letter of the ciphertext.
sub change {
    my @parts = split /\./, $_[0];
    substr($parts[3], 5, 1) = substr($parts[3], 5, 1) eq 'A' ? 'B' : 'A';
    return join '.', @parts;
}
