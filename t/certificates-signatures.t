# Tokens for a certificate in which only the signature differs from what the section
# would have written. Each is refused, whether or not the key has made the signature.
# Anybody can make the rest of such a token: t/certificates-forged.t.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            qw(header parts);
use SessionCrypto::Refusal        qw(first flipped is_opened is_refused noncanonical);

use constant MEGABYTE => 1 << 20;

my %KIND  = (rsa => 'rsa:2048', sha => 'rsa:3072', p256 => 'ec:P-256', p384 => 'ec:P-384', p521 => 'ec:P-521');
# Another key of the same kind.
my %OTHER = map { ("other-$_" => $KIND{$_}) } keys %KIND;

my $httpd = SessionCrypto::Httpd->new(name => 'certificates-signatures', config => join '', map { <<"END_OF_SECTION" } sort keys %KIND);
<Location /$_>
    SessionCryptoCertificateFile $_.pem
    SessionCryptoCertificateKeyFile $_.key
    @{[$_ eq 'sha' ? 'SessionCryptoDigest SHA' : '']}
</Location>
<Location /$_/both>
    SessionCryptoCertificateFile $_.pem other-$_.pem
    SessionCryptoCertificateKeyFile $_.key other-$_.key
</Location>
END_OF_SECTION
my %key = map { $_ => SessionCrypto::CertificateJwe->new(%{ certificate($httpd->dir, $_, $KIND{$_} // $OTHER{$_}) },
    oaep => /sha/ ? 'SHA1' : 'SHA256') } keys %KIND, keys %OTHER;
$httpd->start;
my $client = $httpd->client;

my ($name, $key, $token, $signature);
for (sort keys %KIND) {
    ($name, $key) = ($_, $key{$_});
    $token     = $client->get("/$name", 'X-S' => 'user=mallory')->token // '';
    $signature = signature($token);
    # The good counterpart: the table below changes one thing in it.
    is_opened($httpd, 'as httpd makes it', "/$name", made());
    is_opened($httpd, 'with the signature first', "/$name", written(sub { $_[0] =~ s/\{(.*),("sig":"[^"]*")/{$2,$1/r }));
    is_opened($httpd, 'with the signature before the id', "/$name",
        written(sub { $_[0] =~ s/(.*)("kid".*),("sig":"[^"]*")/$1$3,$2/r }));
    my %refused = (signatures(), $key->is_rsa ? of_rsa() : of_ec());
    is_refused($httpd, $_, "/$name", $refused{$_}) for sort keys %refused;
    is_opened($httpd, 'the untouched token', "/$name", $token);

    # A content key that every process knows does not replace a signature.
    my %kept = content_key_kept();
    is_refused($httpd, "$_, for a content key that is kept", "/$name", $kept{$_}) for sort keys %kept;

    my $other = $key{"other-$name"};
    is_opened($httpd, 'the second certificate', "/$name/both", $other->token(session => 'user=mallory'));
    is_refused($httpd, 'the first, signed by the second', "/$name/both", made(signer => $other),
        "the token's signature is not that of the certificate's key");
    is_refused($httpd, 'the second, signed by the first', "/$name/both", $other->token(session => 'user=mallory', signer => $key));
}

# A number that begins with a zero byte keeps it.
($name, $key) = ('p256', $key{p256});
is_opened($httpd, 'an r that begins with a zero byte', '/p256', first(sub { made() }, sub { decode_base64url(signature($_[0])) =~ /\A\0/ }));

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a refused token');
$httpd->log->clean;

done_testing;

# A token as httpd makes it, except for the arguments.
sub made { return $key->token(session => 'user=mallory', @_) }

# A header that differs from the signed one.
sub written { my ($edit) = @_; return made(written => $edit) }

sub signature { return (header($_[0]) =~ /"sig":"([^"]*)"/)[0] }

sub signatures {
    my $bytes = decode_base64url($signature);
    my $sig   = sub { made(sig => encode_base64url($_[0])) };
    my $over  = sub { made(signs => $_[0]) };
    # The signature of this token, in another form.
    my $as = sub { my ($edit) = @_; written(sub { $_[0] =~ s/"sig":"\K([^"]*)/$edit->($1)/er }) };
    my $in_bytes = sub { my ($edit) = @_; $as->(sub { encode_base64url($edit->(decode_base64url($_[0]))) }) };
    return (
        'no signature'                    => written(sub { $_[0] =~ s/,"sig":"[^"]*"//r }),
        'an empty signature'              => $sig->(''),
        'a signature of zeros'            => $sig->("\0" x length $bytes),
        'a signature of another key'      => made(signer => $key{"other-$name"}),
        'the signature of another token'  => $sig->($bytes),
        'a signature over another purpose' => $over->(sub { with_member($_[0], '"aud":"shop"') }),
        'a signature over another encrypted key' => $over->(sub { $_[0] =~ s/\.\K.*/(parts($token))[1]/er }),
        'a signature over the header only'       => $over->(sub { $_[0] =~ s/\..*//r }),
        'a signature over the header and a dot'  => $over->(sub { $_[0] =~ s/\.\K.*//r }),
        'a signature over no dot'                => $over->(sub { $_[0] =~ tr/.//dr }),
        'a signature over the encrypted key'     => $over->(sub { $_[0] =~ s/.*\.//r }),
        'a signature over JSON'                  => $over->(sub { decode_base64url((split /\./, $_[0])[0]) }),
        'a signature over a header with a signature' => $over->(sub { with_member($_[0], '"sig":""') }),
        'a signature over nothing'               => $over->(sub { '' }),
        (map { my $bit = $_; ("bit $bit of the signature flipped" => $as->(sub { flipped($_[0], $bit) })) } 0, 100, 8 * length($bytes) - 1),
        'a signature cut by a byte'       => $in_bytes->(sub { substr $_[0], 0, -1 }),
        'a signature cut at its start'    => $in_bytes->(sub { substr $_[0], 1 }),
        'a signature cut to a half'       => $in_bytes->(sub { substr $_[0], 0, length($_[0]) / 2 }),
        'a byte after the signature'      => $in_bytes->(sub { "$_[0]\0" }),
        'a byte before the signature'     => $in_bytes->(sub { "\0$_[0]" }),
        'the signature twice in it'       => $in_bytes->(sub { $_[0] x 2 }),
        'a padded signature'              => $as->(sub { "$_[0]=" }),
        'a signature in base64'           => first(sub { $as->(sub { $_[0] =~ tr{-_}{+/}r }) }, sub { signature($_[0]) =~ m{[+/]} }),
        'a space in the signature'        => $as->(sub { "$_[0] " }),
        length($bytes) % 3 ? ('a non-canonical signature' => $as->(\&noncanonical)) : (),
        'a signature of half a megabyte'  => made(sig => 'A' x (MEGABYTE / 2)),
        'the signature twice'             => written(sub { $_[0] =~ s/(,"sig":"[^"]*")/$1$1/r }),
        'a wrong signature before it'     => written(sub { $_[0] =~ s/(?=,"sig")/,"sig":"AAAA"/r }),
        'a wrong signature after it'      => written(sub { $_[0] =~ s/\}$/,"sig":"AAAA"}/r }),
        'the signature in an array'       => written(sub { $_[0] =~ s/"sig":("[^"]*")/"sig":[$1]/r }),
        'the signature of null'           => written(sub { $_[0] =~ s/"sig":"[^"]*"/"sig":null/r }),
        'the signature under another name' => written(sub { $_[0] =~ s/"sig"/"Sig"/r }),
        'a member after the signature'    => written(sub { $_[0] =~ s/\}$/,"typ":"JWE"}/r }),
        'an escape in "sig"'              => written(sub { $_[0] =~ s/"sig"/"\\u0073ig"/r }),
    );
}

sub content_key_kept {
    my $content = 'k' x 32;
    my ($epk, $encrypted_key) = $key->wrap($content, $key->alg);
    my $kept = sub { made(content_key => $content, encrypted_key => $encrypted_key, epk => $epk, @_) };
    my $right = $kept->();
    is_opened($httpd, 'a content key that will be kept', "/$name", $right) for 1 .. 8;
    return (
        'no signature'                 => $kept->(written => sub { $_[0] =~ s/,"sig":"[^"]*"//r }),
        'an empty signature'           => $kept->(sig => ''),
        'the signature of another token' => $kept->(sig => $signature),
        'a signature of another key'   => $kept->(signer => $key{"other-$name"}),
        'the signature cut by a byte'  => $kept->(sig => encode_base64url(substr decode_base64url(signature($right)), 0, -1)),
        'a bit of the signature flipped' => $kept->(sig => flipped(signature($right), 9)),
    );
}

sub of_rsa {
    my $sign = sub { made(signer => SessionCrypto::OtherSignature->new($key, @_)) };
    return (
        'a signature of PKCS #1 v1.5'     => $sign->('SHA256', 'v1.5'),
        'a signature without salt'        => $sign->('SHA256', 'pss', 0),
        'a signature with a salt of 20 bytes' => $sign->('SHA256', 'pss', 20),
        'a signature with a salt of 33 bytes' => $sign->('SHA256', 'pss', 33),
        'a signature with SHA-1'          => $sign->('SHA1', 'pss', 20),
        'a signature with SHA-512'        => $sign->('SHA512', 'pss', 32),
    );
}

sub of_ec {
    my $size   = length(decode_base64url($signature)) / 2;
    my $halves = sub { my ($edit) = @_; written(sub { $_[0] =~ s{"sig":"\K([^"]*)}{
        my ($r, $s) = unpack "(a$size)2", decode_base64url($1); encode_base64url($edit->($r, $s)) }er }) };
    return (
        'r and s swapped'                 => $halves->(sub { "$_[1]$_[0]" }),
        'r and s in DER'                  => made(signer => SessionCrypto::OtherSignature->new($key, $key->{digest})),
        'r and s with a zero byte each'   => $halves->(sub { "\0$_[0]\0$_[1]" }),
        'r and s apart from each other'   => $halves->(sub { "$_[0]\0$_[1]" }),
        'r twice'                         => $halves->(sub { "$_[0]$_[0]" }),
        'r of zero'                       => $halves->(sub { "\0" x $size . $_[1] }),
        's of zero'                       => $halves->(sub { $_[0] . "\0" x $size }),
        'r and s of ones'                 => $halves->(sub { "\xff" x ($size * 2) }),
        'a signature with another digest' => made(signer => SessionCrypto::OtherSignature->new($key,
            $name eq 'p256' ? 'SHA512' : 'SHA256', 'rfc7518')),
    );
}

# The signed text, with another member at the end of the header.
sub with_member {
    my ($signed, $member) = @_;
    my ($encoded, $encrypted_key) = split /\./, $signed;
    my $text = decode_base64url($encoded);
    return encode_base64url($text =~ s/\}\z/,$member}/r) . ".$encrypted_key";
}

# The same key, which signs in another way.
package SessionCrypto::OtherSignature;

sub new { my ($class, $key, @how) = @_; return bless { private => $key->{private}, how => \@how }, $class }

sub sign {
    my ($self, $text) = @_;
    my ($digest, @how) = @{ $self->{how} };
    return $self->{private}->sign_message_rfc7518($text, $digest) if @how && $how[0] eq 'rfc7518';
    return $self->{private}->sign_message($text, $digest, @how);
}
