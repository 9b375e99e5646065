package SessionCrypto::CertificateJwe;

# A second implementation of tokens for a certificate, after docs/wire-format.md. It
# shares no code with the module, and also makes tokens that the module refuses.
#
#   my $key = SessionCrypto::CertificateJwe->new(%$pair);    # of SessionCrypto::Certificates
#   my $key = SessionCrypto::CertificateJwe->new(%$pair, oaep => 'SHA1');
#   $key->token(session => 'user=joe')                       # as httpd makes it
#   $key->token(session => 'user=joe', purpose => 'shop', enc => 'A128GCM')
#   $key->open($token)                                       # the session, or undef
#   $key->id  $key->alg  $key->ephemeral  $key->epk($ephemeral)  $key->sign($text)
#
# An object without the private key stands for a person who has only the certificate.
# Its tokens need a `sig`. `token` takes these values too, and signs and tags them as
# they should be:
#
#   alg, kid           the members' values
#   epk                the member's value, as JSON
#   ephemeral          the key of `epk` (Crypt::PK::ECC)
#   content_key        the key of the session
#   encrypted_key      bytes in place of the encrypted content key
#   header             a function that changes the header before it is signed
#
# These change the signature itself, or the header after it is signed:
#
#   sig                the signature, in base64url
#   signer             the key that signs, of this class
#   signs              a function that changes the text that is signed
#   written            a function that changes the header after it is signed; the tag is
#                      made over the result

use strict;
use warnings;

use Crypt::AuthEnc::GCM   qw(gcm_decrypt_verify);
use Crypt::Digest::SHA256 qw(sha256);
use Crypt::KeyWrap        qw(aes_key_unwrap aes_key_wrap);
use Crypt::PK::ECC        ();
use Crypt::PK::RSA        ();
use Crypt::PRNG           qw(random_bytes);
use MIME::Base64          qw(decode_base64 decode_base64url encode_base64url);

use SessionCrypto::Jwe    qw(compact header key_length parts);
use SessionCrypto::System qw(read_file);

# By the bytes of a coordinate (also those of r and s): JWA's name of the curve, and the
# digest of its signatures.
my %CURVE = (32 => ['P-256', 'SHA256'], 48 => ['P-384', 'SHA384'], 66 => ['P-521', 'SHA512']);

sub new {
    my ($class, %args) = @_;
    my $pem = read_file($args{certificate});
    my ($der) = $pem =~ /-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----/s or die "no certificate: $pem\n";
    my $public = eval { Crypt::PK::RSA->new(\$pem) } // Crypt::PK::ECC->new(\$pem);
    my $self = bless { id => encode_base64url(sha256(decode_base64($der))), public => $public, oaep => $args{oaep} // 'SHA256' }, $class;
    $self->{private} = (ref $public)->new($args{key}) if defined $args{key};
    @$self{qw(curve digest)} = curve($public) if !$self->is_rsa;
    return $self;
}

sub id { return $_[0]{id} }
sub is_rsa { return ref $_[0]{public} eq 'Crypt::PK::RSA' }

sub alg {
    my ($self) = @_;
    return 'ECDH-ES+A256KW' if !$self->is_rsa;
    return $self->{oaep} eq 'SHA1' ? 'RSA-OAEP' : 'RSA-OAEP-256';
}

sub token {
    my ($self, %args) = @_;
    my $alg = $args{alg} // $self->alg;
    my $enc = $args{enc} // 'A256GCM';
    my $content_key = $args{content_key} // random_bytes(key_length($enc));
    my ($epk, $wrapped) = $self->wrap($content_key, $alg, $args{ephemeral});
    $epk = $args{epk} // $epk;
    my $encrypted_key = encode_base64url($args{encrypted_key} // $wrapped);

    my $text = '{' . join(',',
        qq("alg":"$alg"), qq("enc":"$enc"), sprintf(q("kid":"%s"), $args{kid} // $self->id),
        defined $args{purpose} ? qq("aud":"$args{purpose}") : (), length $epk ? qq("epk":$epk) : ()) . '}';
    $text = $args{header}->($text) if $args{header};
    my $signs = encode_base64url($text) . ".$encrypted_key";
    $signs = $args{signs}->($signs) if $args{signs};
    my $sig = $args{sig} // encode_base64url(($args{signer} // $self)->sign($signs));
    $text =~ s/\}\z/,"sig":"$sig"}/;
    $text = $args{written}->($text) if $args{written};
    return compact(encode_base64url($text), $encrypted_key, $content_key, $args{session});
}

# Returns the member `epk` (empty for RSA) and the encrypted key.
sub wrap {
    my ($self, $content_key, $alg, $ephemeral) = @_;
    if ($self->is_rsa) {
        return ('', $self->{public}->encrypt($content_key, 'oaep', $alg eq 'RSA-OAEP' ? 'SHA1' : 'SHA256'));
    }
    $ephemeral //= $self->ephemeral;
    return ($self->epk($ephemeral), aes_key_wrap(key_encryption_key($ephemeral, $self->{public}), $content_key));
}

sub ephemeral { return Crypt::PK::ECC->new->generate_key($_[0]{curve}) }

# The member `epk` for a key. `members` replace its own, x and y in bytes.
sub epk {
    my ($self, $key, %members) = @_;
    my ($crv) = curve($key);
    my ($x, $y) = coordinates($key);
    %members = (crv => $crv, x => $x, y => $y, %members);
    return sprintf '{"kty":"EC","crv":"%s","x":"%s","y":"%s"}',
        $members{crv}, map { encode_base64url($_) } @members{qw(x y)};
}

sub curve { return @{ $CURVE{ length((coordinates($_[0]))[0]) } } }

sub coordinates {
    my ($key) = @_;
    my $point = substr $key->export_key_raw('public'), 1;
    return unpack sprintf('(a%d)2', length($point) / 2), $point;
}

sub sign {
    my ($self, $text) = @_;
    my $private = $self->{private} // die "no key to sign with\n";
    return $private->sign_message($text, 'SHA256', 'pss', 32) if $self->is_rsa;
    return $private->sign_message_rfc7518($text, $self->{digest});
}

sub verify {
    my ($self, $sig, $text) = @_;
    return $self->{public}->verify_message($sig, $text, 'SHA256', 'pss', 32) if $self->is_rsa;
    return length $sig == length join('', coordinates($self->{public})) && $self->{public}->verify_message_rfc7518($sig, $text, $self->{digest});
}

sub open {
    my ($self, $token, $purpose) = @_;
    my ($encoded, $encrypted_key, @rest) = parts($token);
    return undef if @rest != 3;
    my ($nonce, $ciphertext, $tag) = map { decode_base64url($_) } @rest;
    my ($member, $epk) = ('', '');
    $member = sprintf q(,"aud":"%s"), $purpose if defined $purpose;
    $epk = sprintf ',"epk":\{"kty":"EC","crv":"%s","x":"([\w-]+)","y":"([\w-]+)"\}', $self->{curve} if !$self->is_rsa;
    my ($signed, $alg, $enc, @values) = header($token)
        =~ /\A(\{"alg":"([^"]+)","enc":"([^"]+)","kid":"\Q$self->{id}"$member\E$epk),"sig":"([\w-]+)"\}\z/a or return undef;
    my $sig = decode_base64url(pop @values);
    $self->verify($sig, encode_base64url("$signed}") . ".$encrypted_key") or return undef;
    my $content_key = $self->unwrap(decode_base64url($encrypted_key), $alg, map { decode_base64url($_) } @values);
    return undef if length $content_key != key_length($enc) || length $nonce != 12 || length $tag != 16;
    return gcm_decrypt_verify('AES', $content_key, $nonce, $encoded, $ciphertext, $tag);
}

sub unwrap {
    my ($self, $encrypted_key, $alg, $x, $y) = @_;
    if ($self->is_rsa) {
        return $self->{private}->decrypt($encrypted_key, 'oaep', $alg eq 'RSA-OAEP' ? 'SHA1' : 'SHA256');
    }
    my $ephemeral = Crypt::PK::ECC->new->import_key_raw("\x04$x$y", $self->{curve});
    return aes_key_unwrap(key_encryption_key($self->{private}, $ephemeral), $encrypted_key);
}

# Concat KDF (RFC 7518, section 4.6). One block is enough: the key is as long as the
# digest.
sub key_encryption_key {
    my ($private, $public) = @_;
    my $info = pack('N/a', 'ECDH-ES+A256KW') . pack('N', 0) . pack('N', 0) . pack('N', 256);
    return sha256(pack('N', 1) . $private->shared_secret($public) . $info);
}

1;
