# Tokens that no server sealed. To the client each is no session at all: the request
# goes on, and a session that it sets stays.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64 encode_base64 encode_base64url);
use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Refusal qw(children_live is_opened is_refused);

use constant MEGABYTE => 1 << 20;

my $httpd    = SessionCrypto::Httpd->main;
my $client   = $httpd->client;
my @children = $httpd->children;
my $token    = seal('/aes256', 'user=mallory');
my $bytes    = decode_base64($token);

# mac[8] | salt[16] | iv[16] | ciphertext[16]
my %refused = (
    (map { ("cut to $_ bytes" => encode_base64(substr($bytes, 0, $_), '')) }
        1, 7, 8, 9, 23, 24, 25, 39, 40, 41, length($bytes) - 16, length($bytes) - 1),
    (map { ("cut to $_ characters" => substr $token, 0, $_) } 1, 2, 3, 5, length($token) - 1),
    (map { ("bit $_ flipped" => encode_base64(flip($_), '')) } map { 11 * $_ } 0 .. (8 * length($bytes) - 1) / 11),
    'a byte after it'                  => encode_base64("$bytes\0", ''),
    'a block after it'                 => encode_base64($bytes . "\0" x 16, ''),
    'itself after it'                  => $token . $token,
    'junk after the base64'            => "$token.junk",
    'a letter after the base64'        => "${token}A",
    'a zero byte before it'            => encode_base64("\0$bytes", ''),
    'padding where there is none'      => "$token=",
    'padding in the middle'            => substr($token, 0, 8) . '=' . substr($token, 8),
    'the padding missing'              => $token =~ s/=+$//r,
    'an equals sign only'              => '=',
    'a space in the middle'            => substr($token, 0, 8) . ' ' . substr($token, 8),
    'a tab in the middle'              => substr($token, 0, 8) . "\t" . substr($token, 8),
    'the URL-safe alphabet'            => urlsafe_token(),
    'non-canonical last character'     => noncanonical($token),
    'percent-encoded'                  => $token =~ s/=/%3D/gr,
    'in quotes'                        => qq("$token"),
    'bytes above ASCII'                => join('', map { chr } 0x80 .. 0xff),
    'a session in clear'               => 'user=mallory',
    'a session in clear, as base64'    => encode_base64('user=mallory&expiry=4102444800000000', ''),
    'a megabyte of A'                  => 'A' x MEGABYTE,
    'more than a megabyte'             => 'A' x (MEGABYTE + 4),
    'a megabyte of random base64'      => encode_base64(join('', map { chr int rand 256 } 1 .. MEGABYTE * 3 / 4), ''),
    'another key'                      => seal('/rotate/before', 'user=mallory'),
    'another cipher and key'           => seal('/3des192', 'user=mallory'),
);

my %reason = (
    'a space in the middle'            => 'the token is not canonical base64',
    'cut to 23 bytes'                  => 'the token is too short',
    'more than a megabyte'             => 'the token is too long',
    'another key'                      => 'no passphrase of this section authenticates the token',
);
for my $name (sort keys %refused) {
    is_refused($httpd, $name, '/aes256', $refused{$name}, $reason{$name});
}

# An empty cookie is no session, and so brings no line in the log.
my $before = () = $httpd->log->lines;
is($client->get('/aes256', session => '')->body, '', 'an empty cookie is an empty session');
my $set = $client->get('/aes256', session => '', 'X-S' => 'user=joe')->token // '';
is($client->get('/aes256', session => $set)->body, 'user=joe', 'that can be set');
my @lines = $httpd->log->lines;
is_deeply([grep { /\[session/ && !/:debug\]/ } @lines[$before .. $#lines]], [], 'without a line in error_log');

is_opened($httpd, 'the untouched token', '/aes256', $token);

children_live($httpd, @children);
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a refused token');
$httpd->log->clean;

done_testing;

sub seal {
    my ($path, $session) = @_;
    return $client->get($path, 'X-S' => $session)->token;
}

sub flip {
    my ($bit) = @_;
    my $copy = $bytes;
    substr($copy, $bit / 8, 1) ^= chr 1 << $bit % 8;
    return $copy;
}

# A token with a character that the two alphabets write differently.
sub urlsafe_token {
    for (1 .. 100) {
        my $candidate = seal('/aes256', 'user=mallory');
        return $candidate =~ tr{+/}{-_}r if $candidate =~ m{[+/]};
    }
    die "no token with + or /\n";
}

# 56 bytes end in one `=`: two bits of the last character are not used.
sub noncanonical {
    my ($token) = @_;
    my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '+', '/';
    my ($last) = $token =~ /(.)=$/ or die "the token has no padding\n";
    my $other = substr $alphabet, index($alphabet, $last) | 1, 1;
    return $token =~ s/\Q$last\E=$/$other=/r;
}
