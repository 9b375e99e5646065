# Tokens in the JWE format that the section would not have made itself. To the client
# each is no session at all: the request goes on, and a session that it sets stays. Most
# have a right tag: their maker has the key, and still chooses nothing.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64url);
use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Jwe     qw(header parts);
use SessionCrypto::Refusal qw(children_live flipped is_opened is_refused noncanonical);

use constant { MEGABYTE => 1 << 20, LAST_DAY => 2**32 - 1 };

my $httpd = SessionCrypto::Httpd->new(name => 'jwe', config => <<'END');
SessionCryptoPassphrase secret
SessionCryptoCipher aes-256-gcm
<Location /purpose>
    SessionCryptoPurpose shop
</Location>
<Location /mail>
    SessionCryptoPurpose mail
</Location>
<Location /aes128>
    SessionCryptoCipher aes-128-gcm
</Location>
<Location /all>
    SessionCryptoCipher aes-256-gcm aes-192-gcm aes-128-gcm
</Location>
<Location /classic>
    SessionCryptoCipher aes256
</Location>
<Location /3des>
    SessionCryptoCipher 3des192
</Location>
<Location /both>
    SessionCryptoCipher aes-256-gcm aes256
</Location>
<Location /other>
    SessionCryptoPassphrase other
</Location>
<Location /sha512>
    SessionCryptoDigest SHA512
</Location>
<Location /named>
    SessionCryptoDigest SHA256
</Location>
<Directory "@DIR@/htdocs/htaccess">
    SessionCryptoPurpose shop
</Directory>
END
$httpd->write_file('htdocs/htaccess/.htaccess', "SessionCryptoCipher aes256\n");
$httpd->start;
my $client   = $httpd->client;
my @children = $httpd->children;
my $key      = SessionCrypto::Jwe->new(passphrase => 'secret');
my $other    = SessionCrypto::Jwe->new(passphrase => 'other');
my $day      = $key->day;
my $token    = seal('/jwe', 'user=mallory');
my ($alg, $enc, $kid) = $key->members;
my ($header, undef, $nonce, $ciphertext, $tag) = parts($token);

like(header($token), qr/^\Q{$alg,$enc,"kid":"${\$key->id}.\E(?:$day|${\($day + 1)})"\}$/, 'the header is as documented');
like(header(seal('/purpose', 'a=b')), qr/^\Q{$alg,$enc,"kid":"${\$key->id}.\E\d+\Q","aud":"shop"}\E$/, 'and with a purpose');
is(length((parts($token))[3]), length encode_base64url('user=mallory'), 'the ciphertext is as long as the session');

# The good counterparts: the tables below change one thing in these.
is_opened($httpd, 'as httpd makes it', '/jwe', made());
is_opened($httpd, 'a day ago', '/jwe', made(day => $day - 1));
is_opened($httpd, 'on the first day', '/jwe', made(day => 0));
is_opened($httpd, 'on the last day', '/jwe', made(day => LAST_DAY));
is_opened($httpd, 'with a purpose', '/purpose', made(purpose => 'shop'));
is_opened($httpd, 'under the third cipher', '/all', made(enc => 'A128GCM'));
# Libraries write the members in orders of their own.
is_opened($httpd, "members in this order: @$_", '/jwe', sealed(@$_)) for orders($alg, $enc, $kid);
is_opened($httpd, "members in this order: @$_", '/purpose', sealed(@$_)) for orders($alg, $enc, $kid, '"aud":"shop"');

my %refused = (
    # The tag.
    (map { ("the tag cut to $_ bytes" => replaced(4, encode_base64url(substr decoded($tag), 0, $_))) } 1 .. 15),
    (map { ("the tag cut to $_ characters" => replaced(4, substr $tag, 0, $_)) } 0, 1, 2, 20, 21),
    (map { ("bit $_ of the tag flipped" => replaced(4, flipped($tag, $_))) } 0, 1, 63, 64, 127),
    'a tag of 17 bytes'          => replaced(4, encode_base64url(decoded($tag) . "\0")),
    'a tag of zeros'             => replaced(4, encode_base64url("\0" x 16)),
    # The other parts.
    (map { ("bit $_ of the nonce flipped" => replaced(2, flipped($nonce, $_))) } 0, 95),
    (map { ("bit $_ of the ciphertext flipped" => replaced(3, flipped($ciphertext, $_))) } 0, 95),
    'a nonce of 11 bytes'        => replaced(2, encode_base64url(substr decoded($nonce), 1)),
    'a nonce of 13 bytes'        => replaced(2, encode_base64url(decoded($nonce) . "\0")),
    'a nonce of 16 bytes'        => replaced(2, encode_base64url(decoded($nonce) . "\0" x 4)),
    'a ciphertext cut short'     => replaced(3, encode_base64url(substr decoded($ciphertext), 0, -1)),
    'a ciphertext made longer'   => replaced(3, encode_base64url(decoded($ciphertext) . "\0")),
    'an encrypted key'           => replaced(1, encode_base64url('k' x 32)),
    (map { ("part $_ empty" => replaced($_, '')) } 0, 2, 3, 4),
    'no ciphertext, and a right tag' => $key->token(session => ''),
    'every part empty'           => '....',
    'a NUL in the session'       => $key->token(session => "user=mallory\0&role=admin"),
    'four parts'                 => join('.', $header, '', $nonce, $ciphertext),
    'four parts, without the empty one' => join('.', $header, $nonce, $ciphertext, $tag),
    'six parts'                  => "$token.",
    'six parts, one before'      => ".$token",
    'six parts, the last full'   => "$token.$tag",
    'twice'                      => $token . $token,
    'dots only'                  => '.' x 1000,
    'a header only'              => $header,
    'a megabyte of ciphertext'   => replaced(3, 'A' x MEGABYTE),
    'half a megabyte of header'  => replaced(0, 'A' x (MEGABYTE / 2)),
    # base64url.
    (map { ("padding after part $_" => replaced($_, (parts($token))[$_] . '=')) } 0 .. 4),
    'a header with its padding'  => made(encoded => $header . '=' x (-length($header) % 4 || 4)),
    'a space in the header'      => replaced(0, substr($header, 0, 8) . ' ' . substr $header, 8),
    'the alphabet of base64'     => with_standard_alphabet(),
    (map { ("a non-canonical $$_[0]" => replaced($$_[1], noncanonical($$_[2]))) }
        ['tag', 4, $tag]),
    'a non-canonical header'     => made(encoded => noncanonical($header)),
    'a non-canonical ciphertext' => noncanonical_ciphertext(),
    # The header, under a right tag.
    (map { my $member = $_; ("with $member" => sealed($alg, $enc, $kid, $member)) }
        '"zip":"DEF"', '"crit":["exp"],"exp":4102444800', '"crit":[]', '"b64":false', '"typ":"JWT"', '"cty":"JWT"',
        '"p2c":1', '"x5t":""', '"jku":"http://127.0.0.1/"', '"aud":null', '"aud":""', '"aud":["shop"]', '"unknown":1'),
    'a member before the others' => sealed('"typ":"JWE"', $alg, $enc, $kid),
    (map { my $member = $_; ("twice: $member" => sealed($alg, $enc, $kid, $member)) } $alg, $enc, $kid),
    'twice: alg, side by side'   => sealed($alg, $alg, $enc, $kid),
    'a first alg that is none'   => sealed('"alg":"none"', $alg, $enc, $kid),
    'without alg'                => sealed($enc, $kid),
    'without enc'                => sealed($alg, $kid),
    'without kid'                => sealed($alg, $enc),
    'no members'                 => sealed(),
    'a header that is null'      => made(header => 'null'),
    'a header in an array'       => made(header => "[{$alg,$enc,$kid}]"),
    'a header that does not end' => made(header => "{$alg,$enc,$kid"),
    'a byte after the header'    => made(header => "{$alg,$enc,$kid} "),
    'a newline in the header'    => made(header => "{$alg,\n$enc,$kid}"),
    'spaces in the header'       => made(header => "{ $alg, $enc, $kid }"),
    'an escape in the header'    => made(header => "{$alg,$enc,$kid}" =~ s/"dir"/"d\\u0069r"/r),
    'capitals in the header'     => made(header => "{$alg,$enc,$kid}" =~ s/"dir"/"DIR"/r),
    (map { ("alg $_" => sealed(qq("alg":"$_"), $enc, $kid)) }
        'none', 'A256KW', 'A256GCMKW', 'RSA-OAEP', 'RSA-OAEP-256', 'RSA1_5', 'ECDH-ES', 'PBES2-HS256+A128KW', 'HS256', ''),
    (map { ("enc $_" => sealed($alg, qq("enc":"$_"), $kid)) }
        'A128GCM', 'A192GCM', 'A128CBC-HS256', 'A256CBC-HS512', 'C20P', 'XC20P', 'none', 'A256GCM ', 'a256gcm', ''),
    # The key id and the day.
    'a kid of another passphrase' => $other->token(session => 'user=mallory'),
    'our kid on the token of another passphrase' => made_by($other, $alg, $enc, $kid),
    'a kid of another passphrase on our token' => sealed($alg, $enc, ($other->members)[2]),
    'a kid without its day'      => kid($key->id),
    'a kid with an empty day'    => kid($key->id . '.'),
    'a kid without its id'       => kid(".$day"),
    'a day with a zero before it' => kid($key->id . ".0$day"),
    'a day with a sign'          => kid($key->id . ".+$day"),
    'a day below zero'           => kid($key->id . '.-1', LAST_DAY),
    'a day with a fraction'      => kid($key->id . ".$day.0"),
    'a day in hexadecimal'       => kid($key->id . sprintf '.0x%x', $day),
    'a day after the last'       => kid($key->id . '.4294967296', 0),
    'a day far after the last'   => kid($key->id . '.' . 9 x 40),
    'a padded key id'            => kid($key->id . "=.$day"),
    'a key id in capitals'       => kid(uc($key->id) . ".$day"),
    'a day that is not that of the key' => made(header => '{' . join(',', $key->members(day => $day - 1)) . '}'),
    (map { ("a wrong tag on day $_" => replaced(4, encode_base64url("\0" x 16), $key->token(session => 'a=b', day => $_))) }
        0, $day - 1, $day + 1, 2**31, LAST_DAY),
    # The purpose.
    'a purpose where none is set' => made(purpose => 'shop'),
    # The format, the cipher, the digest.
    'a classic token'            => seal('/classic', 'user=mallory'),
    'another digest'             => SessionCrypto::Jwe->new(passphrase => 'secret', digest => 'SHA1')->token(session => 'user=mallory'),
    'a JWS'                      => join('.', map { encode_base64url($_) } '{"alg":"none"}', 'user=mallory', ''),
    'a session in clear'         => 'user=mallory.',
);
my %reason = (
    'a tag of zeros'             => "the token's tag is wrong",
    'four parts'                 => 'the token has not the five parts of a JWE',
    'a non-canonical tag'        => 'the token is not canonical base64',
    'with "unknown":1'           => 'the token has a header that this section does not write',
    'a kid of another passphrase' => "no passphrase of this section has the token's key id",
    'a purpose where none is set' => 'the token was made for another purpose',
    'a classic token'            => 'the token is in a format that no cipher of this section gives',
);
is_refused($httpd, $_, '/jwe', $refused{$_}, $reason{$_}) for sort keys %refused;

my %refused_elsewhere = (
    'a JWE where the list has only CBC'  => ['/classic', made(), 'the token is in a format that no cipher of this section gives'],
    'a classic token of smaller blocks'  => ['/classic', seal('/3des', 'user=mallory'), 'the token was made under another cipher or digest'],
    'a classic token under a purpose'    => ['/purpose', seal('/classic', 'user=mallory')],
    'no purpose where one is set'        => ['/purpose', made()],
    'an empty purpose'                   => ['/purpose', made(purpose => '')],
    (map { ("the purpose '$_'" => ['/purpose', made(purpose => $_)]) }
        'Shop', 'sho', 'shop ', ' shop', 'shpo', 'shoq', 'mail', 'shop","aud":"mail', 'mail","aud":"shop'),
    'the purpose twice'                  => ['/purpose', sealed($alg, $enc, $kid, '"aud":"shop"', '"aud":"shop"')],
    'the purpose in an array'            => ['/purpose', sealed($alg, $enc, $kid, '"aud":["shop"]')],
    'the purpose, with an escape'        => ['/purpose', sealed($alg, $enc, $kid, '"aud":"\u0073hop"')],
    'the application next door'          => ['/purpose', seal('/mail', 'user=mallory')],
    'the application next door, back'    => ['/mail', seal('/purpose', 'user=mallory')],
    'A256GCM where the list has A128GCM' => ['/aes128', seal('/jwe', 'user=mallory')],
    'another passphrase'                 => ['/other', seal('/jwe', 'user=mallory')],
    'SHA256 where the digest is SHA512'  => ['/sha512', seal('/jwe', 'user=mallory')],
    'SHA512 where the digest is SHA256'  => ['/named', seal('/sha512', 'user=mallory')],
);
is_refused($httpd, $_, @{ $refused_elsewhere{$_} }) for sort keys %refused_elsewhere;

is_opened($httpd, 'A128GCM in a list', '/all', seal('/aes128', 'user=mallory'));
is_opened($httpd, 'a classic token in a list', '/both', seal('/classic', 'user=mallory'));
is_opened($httpd, 'SHA256, which is the digest of JWE', '/named', seal('/jwe', 'user=mallory'));
is_opened($httpd, 'SHA512', '/sha512', SessionCrypto::Jwe->new(passphrase => 'secret', digest => 'SHA512')->token(session => 'user=mallory'));
is_opened($httpd, 'the untouched token', '/jwe', $token);

# A token under yesterday's key is not stale; a token of another cipher of the list is.
is($client->get('/jwe', session => made(day => $day - 1))->token, undef, "yesterday's token is not sealed again");
my $again = $client->get('/all', session => made(enc => 'A128GCM'))->token // '';
like($again && header($again), qr/A256GCM/, 'that of another cipher is, under the first');
is($client->get('/all', session => $again)->token, undef, 'and only once');

# Settings that only a request brings together: no session, and none in clear.
{
    my $before = () = $httpd->log->lines;
    for my $session (undef, seal('/classic', 'user=mallory'), made()) {
        my $res = $client->get('/htaccess/', 'X-S' => 'user=joe', defined $session ? (session => $session) : ());
        is($res->token, undef, 'CBC in .htaccess, and a purpose around it: nothing is sealed');
        is($res->body, '', 'and nothing opened');
    }
    my @lines = $httpd->log->lines;
    cmp_ok((grep { /\[session_crypto:error\]/ } @lines[$before .. $#lines]), '>=', 3, 'an error line each time');
    $httpd->log->expect(qr/\[session(_crypto)?:error\] .*\[client /, 'the purpose without a cipher');
}

children_live($httpd, @children);
$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a refused token');
$httpd->log->clean;

done_testing;

sub seal {
    my ($path, $session) = @_;
    return $client->get($path, 'X-S' => $session)->token // '';
}

# A token under our key, with a right tag.
sub made { return $key->token(session => 'user=mallory', @_) }

sub sealed { return made(header => '{' . join(',', @_) . '}') }

# All orders of a list.
sub orders {
    my @list = @_ or return [];
    return map { my $first = $_; map { [$list[$first], @$_] } orders(@list[grep { $_ != $first } 0 .. $#list]) } 0 .. $#list;
}

sub made_by {
    my ($by, @members) = @_;
    return $by->token(session => 'user=mallory', header => '{' . join(',', @members) . '}');
}

sub kid {
    my ($text, $of) = @_;
    return made(header => qq({$alg,$enc,"kid":"$text"}), day => $of // $day);
}

sub replaced {
    my ($index, $part, $of) = @_;
    return SessionCrypto::Refusal::replaced($index, $part, $of // $token);
}

sub decoded { return MIME::Base64::decode_base64url($_[0]) }

# 13 bytes: one byte is left over after whole groups of three.
sub noncanonical_ciphertext {
    my @parts = parts($key->token(session => 'user=malloryy'));
    return join '.', @parts[0 .. 2], noncanonical($parts[3]), $parts[4];
}

sub with_standard_alphabet {
    for (1 .. 1000) {
        my @parts = parts(made());
        return join '.', $parts[0], map { tr{-_}{+/}r } @parts[1 .. 4] if "@parts[1 .. 4]" =~ /[-_]/;
    }
    die "no token with - or _\n";
}
