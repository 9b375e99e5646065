package SessionCrypto::Classic;

# A second implementation of tokens in the classic format, after docs/wire-format.md. It
# shares no code with the module, and also makes tokens that no server makes.
#
#   my $key = SessionCrypto::Classic->new(passphrase => 'secret', cipher => 'aes256');
#   $key->token('user=joe')                             # as httpd makes it
#   $key->token('user=joe', salt => $salt, iv => $iv)
#   $key->sealed($salt, $iv, $blocks)                   # blocks with any padding
#   $key->with_mac($bytes)                              # any bytes, with a right MAC
#   $key->open($token)                                  # the session, or undef
#   $key->block                                         # bytes of a block of the cipher
#   padded($bytes, 16)  unpadded($bytes)                # PKCS #7

use strict;
use warnings;

use Crypt::Digest::MD5   qw(md5);
use Crypt::KeyDerivation qw(pbkdf2);
use Crypt::Mode::CBC     ();
use Crypt::PRNG          qw(random_bytes);
use Exporter             qw(import);
use MIME::Base64         qw(decode_base64 encode_base64);

our @EXPORT_OK = qw(padded siphash unpadded);

use constant { ROUNDS => 4096, MAC => 8, SALT => 16, DIGEST => 'SHA1' };

# httpd's name of a cipher => CryptX's name, bytes of a key, bytes of a block
my %CIPHER = (
    '3des192' => ['DES_EDE', 24, 8],
    aes128    => ['AES', 16, 16],
    aes192    => ['AES', 24, 16],
    aes256    => ['AES', 32, 16],
);

sub new {
    my ($class, %args) = @_;
    my ($cipher, $key_length, $block) = @{ $CIPHER{ $args{cipher} // 'aes256' } };
    return bless {
        passphrase => $args{passphrase}, mac_key => md5($args{passphrase}),
        cbc => Crypt::Mode::CBC->new($cipher, 0), key_length => $key_length, block => $block,
    }, $class;
}

sub block { return $_[0]{block} }

sub token {
    my ($self, $session, %args) = @_;
    return $self->sealed($args{salt} // random_bytes(SALT), $args{iv} // random_bytes($self->{block}), padded($session, $self->{block}));
}

sub sealed {
    my ($self, $salt, $iv, $blocks) = @_;
    return $self->with_mac($salt . $iv . $self->{cbc}->encrypt($blocks, $self->_key($salt), $iv));
}

sub with_mac {
    my ($self, $bytes) = @_;
    return encode_base64(siphash($self->{mac_key}, $bytes) . $bytes, '');
}

sub open {
    my ($self, $token) = @_;
    my ($mac, $bytes) = unpack sprintf('a%d a*', MAC), decode_base64($token);
    return undef if $mac ne siphash($self->{mac_key}, $bytes);
    my ($salt, $iv, $blocks) = unpack "a@{[SALT]} a$self->{block} a*", $bytes;
    return unpadded($self->{cbc}->decrypt($blocks, $self->_key($salt), $iv));
}

# All tokens of an hour have one salt.
sub _key {
    my ($self, $salt) = @_;
    return $self->{keys}{$salt} //= pbkdf2($self->{passphrase}, $salt, ROUNDS, DIGEST, $self->{key_length});
}

sub padded {
    my ($bytes, $block) = @_;
    my $missing = $block - length($bytes) % $block;
    return $bytes . chr($missing) x $missing;
}

# undef if the padding is wrong
sub unpadded {
    my ($bytes) = @_;
    my $count = length $bytes ? ord substr $bytes, -1 : 0;
    return undef if $count < 1 || $count > 16 || $count > length $bytes;
    return undef if substr($bytes, -$count) ne chr($count) x $count;
    return substr $bytes, 0, -$count;
}

# SipHash-2-4 of Aumasson and Bernstein, in little-endian bytes.
sub siphash {
    use integer;
    no warnings 'portable';
    my ($key, $bytes) = @_;
    my ($k0, $k1) = unpack 'q< q<', $key;
    my @v = ($k0 ^ 0x736f6d6570736575, $k1 ^ 0x646f72616e646f6d, $k0 ^ 0x6c7967656e657261, $k1 ^ 0x7465646279746573);
    my $whole = length($bytes) / 8 * 8;
    my $last  = substr($bytes, $whole) . "\0" x (7 - length($bytes) % 8) . chr(length($bytes) & 255);
    for my $word (unpack('(q<)*', substr $bytes, 0, $whole), unpack 'q<', $last) {
        $v[3] ^= $word;
        _round(\@v) for 1, 2;
        $v[0] ^= $word;
    }
    $v[2] ^= 255;
    _round(\@v) for 1 .. 4;
    return pack 'q<', $v[0] ^ $v[1] ^ $v[2] ^ $v[3];
}

sub _round {
    use integer;
    my ($v) = @_;
    my ($a, $b, $c, $d) = @$v;
    $a += $b; $c += $d;
    $b = _left($b, 13) ^ $a; $d = _left($d, 16) ^ $c;
    $a = _left($a, 32);
    $c += $b; $a += $d;
    $b = _left($b, 17) ^ $c; $d = _left($d, 21) ^ $a;
    $c = _left($c, 32);
    @$v = ($a, $b, $c, $d);
    return;
}

# `use integer` shifts to the right with the sign.
sub _left {
    my ($word, $bits) = @_;
    no integer;
    no warnings 'portable';
    my $unsigned = $word & 0xffff_ffff_ffff_ffff;
    my $rotated  = (($unsigned << $bits) | ($unsigned >> (64 - $bits))) & 0xffff_ffff_ffff_ffff;
    return unpack 'q', pack 'Q', $rotated;
}

1;
