package SessionCrypto::KeySets;

# JWK Sets of symmetric keys, and the ids of keys in tokens.
#
#   my $old = key('old', exp => time + 60);         # 32 random bytes
#   my $new = key('new', k => random_key(16), nbf => time + 30);
#   key_set($old, $new)                             # the text of a set
#   key_id($token)                                  # the kid of a token, or undef

use strict;
use warnings;

use Exporter     qw(import);
use JSON::PP     ();
use MIME::Base64 qw(decode_base64url encode_base64url);

our @EXPORT_OK = qw(key key_id key_set random_key);

my $json = JSON::PP->new->canonical;

sub key {
    my ($id, %members) = @_;
    $members{$_} += 0 for grep { defined $members{$_} } qw(nbf exp iat);
    return { kty => 'oct', defined $id ? (kid => $id) : (), k => random_key(32), %members };
}

sub random_key {
    my ($length) = @_;
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    read $random, my ($bytes), $length;
    return encode_base64url($bytes);
}

sub key_set {
    my (@keys) = @_;
    return $json->encode({ keys => \@keys });
}

sub key_id {
    my ($token) = @_;
    my ($header) = split /\./, $token // '';
    my $members = eval { $json->decode(decode_base64url($header // '')) } // {};
    return $members->{kid};
}


1;
