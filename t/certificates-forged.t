# A person who has the certificate, which is no secret, can encrypt a session with a
# JOSE library after the documentation. It is right in all but `sig`, which needs the
# private key. Every guess at the signature is refused; with the key, the same program
# makes a token that opens.

use strict;
use warnings;

use Crypt::Digest::SHA256 qw(sha256);
use Crypt::JWT qw(encode_jwt);
use Crypt::Mac::HMAC qw(hmac);
use Crypt::PRNG      qw(random_bytes);
use FindBin;
use MIME::Base64     qw(decode_base64url encode_base64url);
use Test::More;
use Tie::IxHash      ();

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate openssl);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            qw(header);
use SessionCrypto::Refusal        qw(is_refused);

my %KIND = (rsa => 'rsa:2048', sha => 'rsa:3072', p256 => 'ec:P-256', p384 => 'ec:P-384', p521 => 'ec:P-521');

my $httpd = SessionCrypto::Httpd->new(name => 'certificates-forged', config => join '', map { <<"END_OF_SECTION" } sort keys %KIND);
<Location /$_>
    SessionCryptoCertificateFile $_.pem
    SessionCryptoCertificateKeyFile $_.key
    @{[$_ eq 'sha' ? 'SessionCryptoDigest SHA' : '']}
</Location>
END_OF_SECTION
my %pair = map { $_ => certificate($httpd->dir, $_, $KIND{$_}) } keys %KIND;
$httpd->start;
my $client = $httpd->client;

for my $name (sort keys %KIND) {
    my $certificate = $pair{$name}{certificate};
    my @oaep    = $name eq 'sha' ? (oaep => 'SHA1') : ();
    my $own     = SessionCrypto::CertificateJwe->new(%{ certificate($httpd->dir, "own-$name", $KIND{$name}) }, @oaep);
    my $key     = SessionCrypto::CertificateJwe->new(certificate => $certificate, @oaep);
    my $genuine = $client->get("/$name", 'X-S' => 'user=joe')->token // '';
    is($client->get("/$name", session => $genuine)->body, 'user=joe', "/$name: a genuine token opens");

    my %forged = by_node($key->alg, $genuine, $certificate, $pair{$name}{key});
    my $control = delete $forged{genuine};
    is($client->get("/$name", session => $control)->body, 'user=mallory', "/$name: so does a token that the jose library makes with the key");
    cmp_ok(keys %forged, '>', 15, 'the jose library makes forged tokens without the key');
    is_refused($httpd, "by jose: $_", "/$name", $forged{$_}) for sort keys %forged;

    my $with_key = SessionCrypto::CertificateJwe->new(%{ $pair{$name} }, @oaep);
    is($client->get("/$name", session => $with_key->token(session => 'user=mallory'))->body, 'user=mallory',
        "/$name: so does what CryptX makes, with the key");
    %forged = by_perl($key, $own, $genuine, $certificate);
    is_refused($httpd, "by CryptX: $_", "/$name", $forged{$_}) for sort keys %forged;
}

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a refused token');
$httpd->log->clean;

done_testing;

sub by_node {
    my ($alg, $genuine, @files) = @_;
    my $in = $httpd->write_file('genuine', $genuine);
    my @lines = qx(node '$FindBin::Bin/forge.mjs' '$alg' @{[map { "'$_'" } @files]} <'$in');
    return map { /^(.*): (\S+)$/ } @lines;
}

sub by_perl {
    my ($key, $own, $genuine, $certificate) = @_;
    my ($signature) = header($genuine) =~ /"sig":"([^"]*)"/;
    my $size   = length decode_base64url($signature);
    my $public = openssl('x509', '-in', $certificate, '-noout', '-pubkey');
    my $made   = sub { $key->token(session => 'user=mallory', @_) };
    my $hmac   = sub { my ($secret) = @_; $made->(signer => SessionCrypto::Guess->new(sub { hmac('SHA256', $secret, $_[0]) })) };
    # Crypt::JWT writes the point last.
    tie my %header, 'Tie::IxHash', alg => $key->alg, enc => 'A256GCM', kid => $key->id;
    my @plain = (payload => 'user=mallory', key => $key->{public}, alg => $key->alg, enc => 'A256GCM', extra_headers => \%header);
    return (
        'no signature, of Crypt::JWT'   => encode_jwt(@plain),
        'no signature'                  => $made->(sig => '', written => sub { $_[0] =~ s/,"sig":""//r }),
        'an empty signature'            => $made->(sig => ''),
        'a random signature'            => $made->(sig => encode_base64url(random_bytes($size))),
        'a signature of zero'           => $made->(sig => encode_base64url("\0" x $size)),
        'the signature of a genuine token' => $made->(sig => $signature),
        'a signature of an own key'     => $made->(signer => $own),
        'an own certificate, and its id' => $own->token(session => 'user=mallory'),
        'an own certificate, our id'    => $own->token(session => 'user=mallory', kid => $key->id),
        'an own key in the header'      => $made->(signer => $own, header => sub { $_[0] =~ s/\}\z/,"jwk":${\$own->{public}->export_key_jwk('public')}}/r }),
        'an HMAC with the public key'   => $hmac->($public),
        'an HMAC with the certificate'  => $hmac->(join '', openssl('x509', '-in', $certificate)),
        'an HMAC with its id'           => $hmac->($key->id),
        'a digest of what is signed'    => $made->(signer => SessionCrypto::Guess->new(sub { sha256($_[0]) })),
        $key->is_rsa ? raw_rsa($made, $key->{public}) : (),
    );
}

# Numbers for which the public key gives a known result.
sub raw_rsa {
    my ($made, $public) = @_;
    my $size = $public->size;
    return map { ("a signature of $$_[0]" => $made->(sig => encode_base64url($$_[1]))) } (
        ['one', "\0" x ($size - 1) . "\1"],
        ['the modulus', pack 'H*', substr 0 x (2 * $size) . $public->key2hash->{N}, -2 * $size],
        ['something encrypted', $public->encrypt("\0" . random_bytes($size - 1), 'none')],
    );
}

package SessionCrypto::Guess;

sub new  { my ($class, $guess) = @_; return bless { guess => $guess }, $class }
sub sign { my ($self, $text) = @_; return $self->{guess}->($text) }
