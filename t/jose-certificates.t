# Sessions sealed with a certificate open in JOSE libraries of other authors, and their
# sessions open here: the programs of docs/open-a-session, which have the certificate and
# its key. The test goes through each kind of key, with and without a purpose. The programs
# refuse a token whose header is not the agreed one, or that the key has not signed.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            qw(header parts);
use SessionCrypto::Programs       qw(programs);
use SessionCrypto::Session        qw(decode encode);

my @KINDS   = qw(rsa-2048 rsa-3072 ec-P-256 ec-P-384 ec-P-521);
my %CIPHER  = ('rsa-2048' => 'aes-128-gcm', 'ec-P-256' => 'aes-192-gcm');
my %PURPOSE = (any => undef, shop => "the shop's, at https://shop.example/?a=1&b=2");

# Every byte that a session can hold, as mod_session writes it.
my $session = encode({ user => 'joe', every => join '', map { chr } 1 .. 255 });

my $config = '';
for my $kind (@KINDS) {
    my $lines = qq(SessionCryptoCertificateFile "$kind.pem"\nSessionCryptoCertificateKeyFile "$kind.key"\n);
    $lines .= "SessionCryptoDigest SHA\n" if $kind eq 'rsa-3072';
    $lines .= "SessionCryptoCipher $CIPHER{$kind}\n" if $CIPHER{$kind};
    for my $name (sort keys %PURPOSE) {
        my $purpose = defined $PURPOSE{$name} ? qq(SessionCryptoPurpose "$PURPOSE{$name}"\n) : '';
        $config .= "<Location /$kind/$name>\n$lines$purpose</Location>\n";
    }
    $config .= "<Location /$kind/expires>\n${lines}SessionMaxAge 1\n</Location>\n";
}
my $httpd = SessionCrypto::Httpd->new(name => 'jose-certificates', config => $config);
my %pair  = map { $_ => certificate($httpd->dir, $_, s/-/:/r) } @KINDS;
my $other = certificate($httpd->dir, 'other', 'ec:P-256');
$httpd->start;
my $client   = $httpd->client;
my @programs = programs('certificate', $httpd->dir);

my %token = map { my $kind = $_; map { ("$kind/$_" => seal("/$kind/$_", $session)) } keys %PURPOSE } @KINDS;
my %expires = map { $_ => seal("/$_/expires", 'user=joe') } @KINDS;
sleep 2;
for my $kind (@KINDS) {
    local @ENV{qw(SESSION_CERTIFICATE_FILE SESSION_KEY_FILE)} = @{ $pair{$kind} }{qw(certificate key)};
    my $key     = SessionCrypto::CertificateJwe->new(%{ $pair{$kind} });
    my $purpose = $PURPOSE{shop};
    my $token   = $token{"$kind/shop"};
    for my $program (@programs) {
        for my $name (sort keys %PURPOSE) {
            my @purpose = $PURPOSE{$name} // ();
            my ($opened) = $program->run($token{"$kind/$name"}, 'open', @purpose);
            is(encode(decode($opened)), $session, $program->name . " opens: $kind, purpose: $name");
        }
        # With RSA, the programs make tokens for the digest SHA256. Perl's makes none.
        if ($kind ne 'rsa-3072' && $program->name !~ /Perl/) {
            for my $name (sort keys %PURPOSE) {
                my $enc = { 'aes-128-gcm' => 'A128GCM', 'aes-192-gcm' => 'A192GCM' }->{ $CIPHER{$kind} // '' } // 'A256GCM';
                my ($made) = $program->run($session, 'make', $enc, $PURPOSE{$name} // ());
                my $res = $client->get("/$kind/$name", session => $made);
                is(encode(decode($res->body)), $session, 'httpd opens what ' . $program->name . " makes: $kind, purpose: $name");
                is($res->token, undef, 'and has no reason to seal it again');
            }
        }
        $program->refuses("$kind: a letter of the signature changed", qr/signature/, change_sig($token), $purpose);
        next if $kind !~ /2048|256/;
        $program->refuses("$kind: a token without its purpose", qr/purpose/, $token);
        $program->refuses("$kind: a purpose that differs in a letter", qr/purpose/, $token, $purpose =~ s/shop/Shop/r);
        $program->refuses("$kind: a letter of the ciphertext changed", qr/tag/, change(3, $token), $purpose);
        $program->refuses("$kind: a letter of the encrypted key changed", qr/signature/, change(1, $token), $purpose);
        $program->refuses("$kind: a session that has expired", qr/expired/, $expires{$kind});
        $program->refuses("$kind: no signature", qr/certificate|algorithm/,
            $key->token(session => $session, written => sub { $_[0] =~ s/,"sig":"[^"]*"//r }));
        $program->refuses("$kind: an empty signature", qr/certificate|algorithm/, $key->token(session => $session, sig => ''));
        $program->refuses("$kind: the signature of another header", qr/signature/,
            $key->token(session => $session, signs => sub { "A$_[0]" }));
    }
}

for my $program (@programs) {
    my $kind = 'ec-P-256';
    local @ENV{qw(SESSION_CERTIFICATE_FILE SESSION_KEY_FILE)} = @$other{qw(certificate key)};
    $program->refuses('another certificate of the same kind', qr/certificate/, $token{"$kind/any"});
    $program->refuses('a classic token', qr/not a token/, 'A' x 76 . '==');
}

$httpd->stop;
$httpd->log->clean;

done_testing;

sub seal {
    my ($path, $session) = @_;
    return $client->get($path, 'X-S' => $session)->token // '';
}

# Changes one letter of a part, which is not its last.
sub change {
    my ($index, $token) = @_;
    my @parts = parts($token);
    substr($parts[$index], 5, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90AA/;
    return join '.', @parts;
}

sub change_sig {
    my ($token) = @_;
    my @parts = parts($token);
    my $header = header($token) =~ s/"sig":"\K(.)/$1 eq 'B' ? 'C' : 'B'/er;
    return join '.', encode_base64url($header), @parts[1 .. 4];
}
