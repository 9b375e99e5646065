package SessionCrypto::DeviceKey;

# The key of a device, and the proofs that a browser makes with it. It shares no code with
# the module, and also makes proofs that the module refuses.
#
#   my $key = SessionCrypto::DeviceKey->new('P-256');    # or P-384, secp256k1, rsa:2048
#   $key->proof($challenge)                              # of a refresh
#   $key->registration($challenge)                       # has the public key in its header
#   $key->thumbprint                                     # the id of the browser's session
#   wrong_proofs($key, $challenge)                       # name => proof, of refreshes
#   wrong_registrations($challenge)                      # the same, of registrations
#   odd_proofs($key, $challenge)                         # unusual ones that are right
#
# `proof` and `registration` take these values too, and sign as they should:
#
#   alg, typ           the members' values
#   jwk                the member's value, as JSON
#   members            JSON of more members of the header
#   claims             JSON of the payload
#   signer             the key that signs, of this class
#   signature          bytes, or a function of the text that is signed
#   written            a function that changes the proof after it is signed

use strict;
use warnings;

use Crypt::Mac::HMAC qw(hmac);
use Crypt::PK::ECC   ();
use Crypt::PK::RSA   ();
use Exporter         qw(import);
use JSON::PP         ();
use MIME::Base64     qw(encode_base64url);

our @EXPORT_OK = qw(odd_proofs wrong_proofs wrong_registrations);

# Name of the curve for the library, algorithm of JOSE, digest.
my %CURVE = (
    'P-256'     => ['secp256r1', 'ES256',  'SHA256'],
    'P-384'     => ['secp384r1', 'ES384',  'SHA384'],
    'secp256k1' => ['secp256k1', 'ES256K', 'SHA256'],
);

my $json = JSON::PP->new->canonical;

sub new {
    my ($class, $kind, %args) = @_;
    my $self = bless { kind => $kind }, $class;
    if (my ($bits) = $kind =~ /^rsa:(\d+)/) {
        @$self{qw(alg digest)} = qw(RS256 SHA256);
        $self->{key} = Crypt::PK::RSA->new->generate_key($bits / 8, $args{exponent} // 65_537);
    }
    else {
        (my $curve, @$self{qw(alg digest)}) = @{ $CURVE{$kind} };
        $self->{key} = Crypt::PK::ECC->new->generate_key($curve);
    }
    return $self;
}

sub alg { return $_[0]{alg} }

sub is_rsa { return $_[0]{kind} =~ /^rsa/ }

sub thumbprint { return $_[0]{key}->export_key_jwk_thumbprint('SHA256') }

# The public key, or the private one, as JSON, without or with changed members.
sub jwk {
    my ($self, %members) = @_;
    my $jwk = $self->{key}->export_key_jwk(delete $members{type} // 'public', 1);
    # The library writes more members than RFC 7517 wants.
    delete @$jwk{ grep { !/^(?:kty|crv|x|y|n|e|d)$/ } keys %$jwk };
    return $json->encode({ %$jwk, %members });
}

sub registration {
    my ($self, $challenge, %args) = @_;
    return $self->proof($challenge, jwk => $self->jwk, %args);
}

sub proof {
    my ($self, $challenge, %args) = @_;
    my $header = sprintf '{"alg":"%s",%s"typ":"%s"%s}', $args{alg} // $self->{alg},
        defined $args{jwk} ? qq("jwk":$args{jwk},) : '', $args{typ} // 'dbsc+jwt', defined $args{members} ? ",$args{members}" : '';
    my $text = join '.', map { encode_base64url($_) } $header, $args{claims} // $json->encode({ jti => $challenge });
    my $signature = $args{signature} // sub { ($args{signer} // $self)->sign($_[0]) };
    $signature = $signature->($text) if ref $signature;
    my $proof = "$text." . encode_base64url($signature);
    return $args{written} ? $args{written}->($proof) : $proof;
}

sub sign {
    my ($self, $text) = @_;
    return $self->{key}->sign_message($text, 'SHA256', 'v1.5') if $self->is_rsa;
    return $self->{key}->sign_message_rfc7518($text, $self->{digest});
}

sub wrong_proofs {
    my ($key, $challenge) = @_;
    my $thief = __PACKAGE__->new('P-256');
    return (
        _wrong($key, $challenge, sub { $key->proof($challenge, @_) }),
        'by a key that it names' => $thief->registration($challenge),
        'by an RSA key'          => _rsa()->proof($challenge),
        'by a key of P-384'      => __PACKAGE__->new('P-384')->proof($challenge, alg => 'ES256'),
        'by a key of secp256k1'  => __PACKAGE__->new('secp256k1')->proof($challenge, alg => 'ES256'),
    );
}

sub wrong_registrations {
    my ($challenge) = @_;
    my $key = __PACKAGE__->new('P-256');
    my $off = __PACKAGE__->new('secp256k1');
    my $of  = sub { my ($key, %members) = @_; return $key->registration($challenge, jwk => $key->jwk(%members)) };
    return (
        _wrong($key, $challenge, sub { $key->registration($challenge, @_) }),
        'RSA with the algorithm swapped' => _rsa()->registration($challenge, alg => 'ES256'),
        'without a key'               => $key->proof($challenge),
        'with two keys'               => $key->registration($challenge, members => '"jwk":' . $off->jwk),
        'of a private key'            => $of->($key, type => 'private'),
        'of a key with a secret'      => $of->($key, k => 'c2VjcmV0'),
        'of P-384'                    => __PACKAGE__->new('P-384')->registration($challenge),
        'of P-384 in the name of ES256' => __PACKAGE__->new('P-384')->registration($challenge, alg => 'ES256'),
        'of a point off the curve'    => $off->registration($challenge, alg => 'ES256', jwk => $off->jwk(crv => 'P-256')),
        'of a key for encryption'     => $of->($key, use => 'enc'),
        'of a key for another algorithm' => $of->($key, alg => 'ES384'),
        'of a short RSA key'          => __PACKAGE__->new('rsa:1024')->registration($challenge),
        'of an RSA key with e = 3'    => __PACKAGE__->new('rsa:2048', exponent => 3)->registration($challenge),
        'of a symmetric key'          => $key->registration($challenge, alg => 'HS256', jwk => '{"k":"YQ","kty":"oct"}',
            signature => sub { hmac('SHA256', 'a', $_[0]) }),
    );
}

# One for all, because RSA keys take a while.
my $rsa;
sub _rsa { return $rsa //= __PACKAGE__->new('rsa:2048') }

# What is wrong in any proof. `$make` makes one of the key.
sub _wrong {
    my ($key, $challenge, $make) = @_;
    my $other_alg = $key->is_rsa ? 'ES256' : 'RS256';
    return (
        'by another key'               => $make->(signer => __PACKAGE__->new('P-256')),
        'without a signature'          => $make->(alg => 'none', signature => ''),
        'none, with a signature'       => $make->(alg => 'none'),
        'with an empty signature'      => $make->(signature => ''),
        'with a signature of zeros'    => $make->(signature => "\0" x length $key->sign('')),
        'with a signature of another text' => $make->(signature => $key->sign('another text')),
        'with a signature too long'    => $make->(signature => sub { $key->sign($_[0]) . "\0" }),
        $key->is_rsa ? () : ('with a signature in DER' =>
            $make->(signature => sub { $key->{key}->sign_message($_[0], 'SHA256') })),
        'with the algorithm swapped'   => $make->(alg => $other_alg),
        'in the name of another digest' => $make->(alg => $key->is_rsa ? 'RS512' : 'ES512'),
        'an HMAC under the public key' =>
            $make->(alg => 'HS256', signature => sub { hmac('SHA256', $key->{key}->export_key_der('public'), $_[0]) }),
        'of another type'              => $make->(typ => 'JWT'),
        'with two algorithms'          => $make->(members => qq("alg":"$key->{alg}")),
        'with an extension'            => $make->(members => '"crit":["exp"],"exp":1'),
        'with two challenges'          => $make->(claims => qq({"jti":"$challenge","jti":"$challenge"})),
        'without a challenge'          => $make->(claims => '{}'),
        'with a challenge in a list'   => $make->(claims => qq({"jti":["$challenge"]})),
        'with two parts'               => $make->(written => sub { $_[0] =~ s/\.[^.]*\z//r }),
        'with a fourth part'           => $make->(written => sub { "$_[0].YQ" }),
        'with padding'                 => $make->(written => sub { "$_[0]==" }),
        'with junk behind'             => $make->(written => sub { "$_[0] junk" }),
        'too long'                     => $make->(members => sprintf('"x":"%s"', 'x' x 6144)),
        'that is none'                 => 'proof',
    );
}

# Proofs in forms that no browser uses today, and that mean the same.
sub odd_proofs {
    my ($key, $challenge) = @_;
    return (
        'in quotes'            => $key->proof($challenge, written => sub { qq("$_[0]") }),
        'with more claims'     => $key->proof($challenge,
            claims => qq({"aud":"https://elsewhere.test","exp":1,"iat":1,"iss":"x","jti":"$challenge","sub":"y"})),
        'with more in the header' => $key->proof($challenge, members => '"kid":"x","jku":"https://thief.test/key"'),
        'with the key of another' => $key->proof($challenge, jwk => __PACKAGE__->new('P-256')->jwk),
    );
}

1;
