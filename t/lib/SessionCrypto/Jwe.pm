package SessionCrypto::Jwe;

# A second implementation of tokens in the JWE format, after docs/wire-format.md. It
# shares no code with the module, and also makes tokens that the module refuses.
#
#   my $key = SessionCrypto::Jwe->new(passphrase => 'secret');
#   $key->token(session => 'user=joe')                       # as httpd makes it
#   $key->token(session => 'user=joe', purpose => 'shop', day => 0, enc => 'A128GCM')
#   $key->token(session => 'user=joe', header => $json)      # with a right tag
#   $key->open($token)                                       # the session, or undef
#   $key->id  $key->day  parts($token)  header($token)
#   compact($header, $encrypted_key, $key, $session)         # of any JWE

use strict;
use warnings;

use Crypt::AuthEnc::GCM qw(gcm_decrypt_verify gcm_encrypt_authenticate);
use Crypt::KeyDerivation qw(hkdf_expand pbkdf2);
use Crypt::PRNG qw(random_bytes);
use Exporter qw(import);
use MIME::Base64 qw(decode_base64url encode_base64url);

our @EXPORT_OK = qw(compact header key_length parts);

use constant { SALT => 'mod_session_crypto JWE 1', ROUNDS => 600_000, SECONDS_A_DAY => 86_400 };

my %KEY_LENGTH = (A128GCM => 16, A192GCM => 24, A256GCM => 32);

sub new {
    my ($class, %args) = @_;
    my $master = pbkdf2($args{passphrase}, SALT, ROUNDS, $args{digest} // 'SHA256', 32);
    return bless { master => $master }, $class;
}

sub id { return encode_base64url(hkdf_expand($_[0]{master}, 'SHA256', 6, 'kid')) }

sub day { return int(time / SECONDS_A_DAY) }

# The members of a header, in order; `purpose` may be missing.
sub members {
    my ($self, %args) = @_;
    my $day = $args{day} // day();
    return (
        q("alg":"dir"), sprintf(q("enc":"%s"), $args{enc} // 'A256GCM'), sprintf(q("kid":"%s.%s"), $self->id, $day),
        defined $args{purpose} ? qq("aud":"$args{purpose}") : (),
    );
}

# Makes a token. `encoded` is a header already in base64url. If that header does not
# name the key that seals, `key_for` gives its encryption and day.
sub token {
    my ($self, %args) = @_;
    my $enc     = $args{enc} // 'A256GCM';
    my $day     = $args{day} // day();
    my $header  = $args{header} // '{' . join(',', $self->members(%args)) . '}';
    my $encoded = $args{encoded} // encode_base64url($header);
    return compact($encoded, '', $self->day_key($enc, $day), $args{session});
}

sub open {
    my ($self, $token) = @_;
    my ($encoded, undef, @rest) = parts($token);
    my $id = $self->id;
    my ($enc, $day) = header($token) =~ /\A\{"alg":"dir","enc":"([^"]+)","kid":"\Q$id\E\.(\d+)"/ or return undef;
    my ($nonce, $ciphertext, $tag) = map { decode_base64url($_) } @rest;
    return gcm_decrypt_verify('AES', $self->day_key($enc, $day), $nonce, $encoded, $ciphertext, $tag);
}

sub day_key {
    my ($self, $enc, $day) = @_;
    return hkdf_expand($self->{master}, 'SHA256', key_length($enc), "enc\0$enc\0" . pack 'N', $day);
}

# The first two parts are given as they go into the token.
sub compact {
    my ($encoded, $encrypted_key, $key, $session) = @_;
    my $nonce = random_bytes(12);
    my ($ciphertext, $tag) = gcm_encrypt_authenticate('AES', $key, $nonce, $encoded, $session);
    return join '.', $encoded, $encrypted_key, map { encode_base64url($_) } $nonce, $ciphertext, $tag;
}

sub key_length { return $KEY_LENGTH{ $_[0] } }

# Header, encrypted key, nonce, ciphertext and tag, as they are in the token.
sub parts { return split /\./, $_[0], -1 }

sub header { return decode_base64url((parts($_[0]))[0]) }

1;
