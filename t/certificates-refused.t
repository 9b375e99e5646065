# Tokens for a certificate that the section would not have made itself. To the client
# each is no session at all: the request goes on, and a session that it sets stays. Most
# have a right signature and a right tag: their maker has the key, and still chooses
# nothing. Wrong signatures are in t/certificates-signatures.t.

use strict;
use warnings;

use Crypt::Digest::SHA1 qw(sha1);
use Math::BigInt        ();
use MIME::Base64        qw(decode_base64url encode_base64url);
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            qw(parts);
use SessionCrypto::Refusal        qw(children_live first flipped is_opened is_refused noncanonical replaced);
use SessionCrypto::System         qw(read_file);

use constant MEGABYTE => 1 << 20;

my %KIND = (rsa => 'rsa:2048', sha => 'rsa:3072', p256 => 'ec:P-256', p384 => 'ec:P-384', p521 => 'ec:P-521',
    'rsa-2' => 'rsa:2048', 'p256-2' => 'ec:P-256');
my %CURVE = (p256 => 'P-256', p384 => 'P-384', p521 => 'P-521');
# The prime of P-521.
my $FIELD = Math::BigInt->new(2)->bpow(521)->bsub(1);

my $config = "SessionCryptoPassphrase secret\n";
for my $name (qw(rsa sha p256 p384 p521)) {
    my $lines = lines($name) . ($name eq 'sha' ? "SessionCryptoDigest SHA\n" : '');
    $config .= "<Location /$name>\n$lines</Location>\n<Location /$name/shop>\nSessionCryptoPurpose shop\n</Location>\n";
}
my $httpd = SessionCrypto::Httpd->new(name => 'certificates-refused', config => $config . <<"END_OF_CONFIG");
<Location /rsa/all>
    SessionCryptoCipher aes-256-gcm aes-192-gcm aes-128-gcm
</Location>
<Location /rsa/both>
    @{[lines('rsa', 'rsa-2')]}
</Location>
<Location /p256/both>
    @{[lines('p256', 'p256-2')]}
</Location>
<Location /sha/sha256>
    SessionCryptoDigest SHA256
</Location>
<Location /passphrase>
    SessionCryptoCipher aes-256-gcm
</Location>
<Location /classic>
    SessionCryptoCipher aes256
</Location>
END_OF_CONFIG
my %pair = map { $_ => certificate($httpd->dir, $_, $KIND{$_}) } keys %KIND;
my %key  = map { $_ => SessionCrypto::CertificateJwe->new(%{ $pair{$_} }, oaep => $_ eq 'sha' ? 'SHA1' : 'SHA256') } keys %pair;
$httpd->start;
my $client   = $httpd->client;
my @children = $httpd->children;

my ($name, $key, $token);
# Libraries write the members in orders of their own. The text that is signed has the same
# order without the signature, which may stand anywhere.
my $members = qr/"\w+":(?:"[^"]*"|\{[^}]*\})/;
my $sorted  = sub { '{' . join(',', sort $_[0] =~ /$members/g) . '}' };
my $moved   = sub { $_[0] =~ s/\{(.*),("sig":"[^"]*")\}/{$2,$1}/r };
my %orders  = (
    'sorted'                       => sub { made(purpose => 'shop', header => $sorted, written => $sorted) },
    'with the signature first'     => sub { made(purpose => 'shop', written => $moved) },
    'with the signature in the middle' => sub { made(purpose => 'shop', written => sub { $_[0] =~ s/,("enc":"\w+")(.*),("sig":"[^"]*")\}/,$1,$3$2}/r }) },
    'with the point turned'        => sub { made(purpose => 'shop', header => sub { $_[0] =~ s/\{("kty":"EC"),(.*?)\}/{$2,$1}/r }) },
);
for (qw(rsa sha p256 p384 p521)) {
    ($name, $key) = ($_, $key{$_});
    $token = $client->get("/$name", 'X-S' => 'user=mallory')->token // '';
    # The good counterparts: the tables below change one thing in these.
    is_opened($httpd, 'as httpd makes it', "/$name", made());
    is_opened($httpd, 'with a purpose', "/$name/shop", made(purpose => 'shop'));
    is_opened($httpd, "members $_", "/$name/shop", $orders{$_}->()) for sort keys %orders;
    my %refused = (parts_refused(), headers(), encrypted_keys(), $key->is_rsa ? of_rsa() : of_ec());
    my %reason = ('an encrypted key of zeros' => "the token's encrypted key does not open");
    is_refused($httpd, $_, "/$name", $refused{$_}, $reason{$_}) for sort keys %refused;
    my %purposes = purposes();
    is_refused($httpd, $_, "/$name/shop", $purposes{$_}) for sort keys %purposes;
    is_opened($httpd, 'the untouched token', "/$name", $token);
}

# A number that begins with a zero byte keeps it.
($name, $key) = ('p256', $key{p256});
is_opened($httpd, 'a point whose x begins with a zero byte', '/p256', made(ephemeral => point_with_zero()));
is_refused($httpd, 'an x without the zero byte that it begins with', '/p256', shortened_point(point_with_zero()));

is_opened($httpd, 'another cipher of the list', '/rsa/all', $key{rsa}->token(session => 'user=mallory', enc => 'A128GCM'));
for ([rsa => 'rsa-2'], ['rsa-2' => 'rsa'], [p256 => 'p256-2'], ['p256-2' => 'p256']) {
    my ($one, $two) = @key{@$_};
    my $path = "/$$_[0]/both" =~ s/-2//r;
    is_opened($httpd, "$$_[0], of two", $path, $one->token(session => 'user=mallory'));
    is_refused($httpd, "the id of $$_[1], all else of $$_[0]", $path, $one->token(session => 'user=mallory', kid => $two->id));
}
is_refused($httpd, 'a token of the other kind of key', '/rsa', $key{p256}->token(session => 'user=mallory'));
is_refused($httpd, 'a token of the other kind of key', '/p256', $key{rsa}->token(session => 'user=mallory'));
is_refused($httpd, 'the id of the other kind of key', '/rsa', $key{p256}->token(session => 'user=mallory', kid => $key{rsa}->id));

# A token that every process has opened in one section is still refused in another.
for (
    ['a purpose',             '/rsa/shop', '/rsa', $key{rsa}->token(session => 'user=mallory', purpose => 'shop')],
    ['no purpose',            '/rsa', '/rsa/shop', $key{rsa}->token(session => 'user=mallory')],
    ['another cipher',        '/rsa/all', '/rsa',  $key{rsa}->token(session => 'user=mallory', enc => 'A128GCM')],
    ['another certificate',   '/p256/both', '/p256', $key{'p256-2'}->token(session => 'user=mallory'),
        "no certificate of this section has the token's key id"],
    ['another digest',        '/sha', '/sha/sha256', $key{sha}->token(session => 'user=mallory')],
) {
    my ($what, $opens, $refuses, $token, $reason) = @$_;
    is_opened($httpd, "$what, once more", $opens, $token) for 1 .. 8;
    is_refused($httpd, "$what, that another section has opened", $refuses, $token, $reason);
}

children_live($httpd, @children);
$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a refused token');
$httpd->log->clean;

done_testing;

sub lines {
    my $files = sub { my ($end) = @_; map { "$_.$end" } @_[1 .. $#_] };
    return "SessionCryptoCertificateFile @{[$files->('pem', @_)]}\nSessionCryptoCertificateKeyFile @{[$files->('key', @_)]}\n";
}

# A token as httpd makes it, except for the arguments.
sub made { return $key->token(session => 'user=mallory', @_) }

# `signed` changes the header before it is signed, `written` after.
sub signed  { my ($edit) = @_; return made(header => $edit) }
sub written { my ($edit) = @_; return made(written => $edit) }

sub parts_refused {
    my (undef, undef, $nonce, $ciphertext, $tag) = parts($token);
    my ($bytes, @parts) = (decode_base64url($tag), parts($token));
    # Two tokens that every process has opened before.
    my ($one, $two) = map { [parts(made())] } 1, 2;
    for (1 .. 8) {
        $client->get("/$name", session => join '.', @$_) for $one, $two;
    }
    return (
        (map { ("the tag cut to $_ bytes" => replaced(4, encode_base64url(substr $bytes, 0, $_), $token)) } 1, 4, 12, 15),
        (map { ("bit $_ of the tag flipped" => replaced(4, flipped($tag, $_), $token)) } 0, 64, 127),
        'a tag of 17 bytes'        => replaced(4, encode_base64url("$bytes\0"), $token),
        'a tag of zeros'           => replaced(4, encode_base64url("\0" x 16), $token),
        'a non-canonical tag'      => replaced(4, noncanonical($tag), $token),
        (map { ("bit $_ of the nonce flipped" => replaced(2, flipped($nonce, $_), $token)) } 0, 95),
        'a nonce of 11 bytes'      => replaced(2, encode_base64url(substr decode_base64url($nonce), 1), $token),
        'a nonce of 16 bytes'      => replaced(2, encode_base64url(decode_base64url($nonce) . "\0" x 4), $token),
        (map { ("bit $_ of the ciphertext flipped" => replaced(3, flipped($ciphertext, $_), $token)) } 0, 95),
        'a ciphertext cut short'   => replaced(3, encode_base64url(substr decode_base64url($ciphertext), 0, -1), $token),
        'a ciphertext made longer' => replaced(3, encode_base64url(decode_base64url($ciphertext) . "\0"), $token),
        (map { ("part $_ empty" => replaced($_, '', $token)) } 0 .. 4),
        (map { ("padding after part $_" => replaced($_, "$parts[$_]=", $token)) } 0 .. 4),
        (map { ("part $_ of another token" => replaced($_, $$two[$_], join '.', @$one)) } 0 .. 4),
        'header and key of another token' => join('.', @$two[0, 1], @$one[2 .. 4]),
        'no ciphertext, and a right tag'  => made(session => ''),
        'a NUL in the session'     => made(session => "user=mallory\0&role=admin"),
        'four parts'               => join('.', @parts[0 .. 3]),
        'six parts'                => "$token.",
        'twice'                    => $token . $token,
        'a megabyte of ciphertext' => replaced(3, 'A' x MEGABYTE, $token),
        'half a megabyte of encrypted key' => replaced(1, 'A' x (MEGABYTE / 2), $token),
        'a session in clear'       => 'user=mallory',
        'a classic token under the passphrase' => $client->get('/classic', 'X-S' => 'user=mallory')->token,
        'a JWE under the passphrase'           => $client->get('/passphrase', 'X-S' => 'user=mallory')->token,
        (map { ("a JWE under a passphrase that is $$_[0]" => by_passphrase($$_[1])) }
            ['the certificate', read_file($pair{$name}{certificate})], ['its id', $key->id]),
    );
}

# Under a right signature and a right tag.
sub headers {
    my $id    = $key->id;
    my ($alg, $enc, $kid) = (sprintf(q("alg":"%s"), $key->alg), q("enc":"A256GCM"), qq("kid":"$id"));
    my $other = { 'RSA-OAEP' => 'RSA-OAEP-256', 'RSA-OAEP-256' => 'RSA-OAEP', 'ECDH-ES+A256KW' => 'RSA-OAEP-256' }->{$key->alg};
    my $swap  = sub { my ($from, $to) = @_; signed(sub { $_[0] =~ s/\Q$from\E/$to/r }) };
    my $shown = sub { my ($from, $to) = @_; written(sub { $_[0] =~ s/\Q$from\E/$to/r }) };
    return (
        (map { ("alg $_, signed" => $swap->($alg, qq("alg":"$_")), "alg $_, not signed" => $shown->($alg, qq("alg":"$_"))) }
            $other, 'dir', 'none', 'RSA1_5', 'RSA-OAEP-384', 'ECDH-ES', 'ECDH-ES+A128KW', 'A256KW', 'PS256', 'ES256', lc $key->alg, ''),
        "alg $other, and encrypted so"    => $key->is_rsa ? $key->token(session => 'user=mallory', alg => $other) : $swap->($alg, qq("alg":"$other")),
        (map { ("enc $_, signed" => made(enc => $_)) } 'A128GCM', 'A192GCM'),
        'enc A128GCM, not signed'         => $shown->($enc, '"enc":"A128GCM"'),
        (map { ("enc $_, on a key of 256 bits" => $swap->($enc, qq("enc":"$_"))) } 'A128GCM', 'A256CBC-HS512', 'none', 'a256gcm', ''),
        (map { ("kid $$_[0]" => made(kid => $$_[1])) }
            ['of another certificate', $key{ $name eq 'p384' ? 'p521' : 'p384' }->id], ['cut by a letter', substr $id, 0, -1],
            ['with a letter more', "${id}A"], ['padded', "$id="], ['empty', ''], ['in capitals', uc $id], ['non-canonical', noncanonical($id)],
            ['in hexadecimal', unpack 'H*', decode_base64url($id)], ['of SHA-1', encode_base64url(sha1(decode_base64url($id)))],
            ['with a day', "$id.20000"]),
        'a purpose where none is set'     => made(purpose => 'shop'),
        'an empty purpose'                => made(purpose => ''),
        'without alg'                     => $swap->("$alg,", ''),
        'without enc'                     => $swap->("$enc,", ''),
        'without kid'                     => $swap->(",$kid", ''),
        (map { ("twice: $_" => $swap->($_, "$_,$_")) } $alg, $enc, $kid),
        'a first alg that is none'        => $swap->($alg, qq("alg":"none",$alg)),
        (map { my $member = $_; ("with $member" => signed(sub { $_[0] =~ s/\}$/,$member}/r })) }
            '"zip":"DEF"', '"crit":[]', '"crit":["sig"]', '"typ":"JWE"', '"apu":""', '"apv":"AAAA"', '"x5c":[]', '"jwk":{}', '"unknown":1'),
        'a space in the header'           => $swap->(',', ', '),
        'a newline in the header'         => $swap->(',', ",\n"),
        'a space around the header'       => written(sub { " $_[0]" }),
        'a byte after the header'         => written(sub { "$_[0] " }),
        'a NUL after the header'          => written(sub { "$_[0]\0" }),
        'a mark of the byte order'        => written(sub { "\xef\xbb\xbf$_[0]" }),
        'a header that does not end'      => written(sub { substr $_[0], 0, -1 }),
        'an escape in the header'         => $swap->('"A256GCM"', '"\u0041256GCM"'),
        'no members'                      => signed(sub { '{}' }),
        'half a megabyte of header'       => replaced(0, 'A' x (MEGABYTE / 2), $token),
    );
}

# Under a right signature, except for `not signed`.
sub encrypted_keys {
    my $wrap    = sub { ($key->wrap($_[0], $key->alg))[1] };
    my $bytes   = decode_base64url((parts($token))[1]);
    my $content = 'k' x 32;
    my ($epk, $right) = $key->wrap($content, $key->alg);
    my $with    = sub { my ($edit) = @_; made(content_key => $content, encrypted_key => $edit->($right), length $epk ? (epk => $epk) : ()) };
    return (
        (map { ("a content key of $_ bytes" => made(encrypted_key => $wrap->('k' x $_))) } 16, 24, 40),
        'an empty encrypted key'           => made(encrypted_key => ''),
        'an encrypted key cut by a byte'   => $with->(sub { substr $_[0], 0, -1 }),
        'an encrypted key cut by a block'  => $with->(sub { substr $_[0], 0, -8 }),
        'a byte after the encrypted key'   => $with->(sub { "$_[0]\0" }),
        'a block after the encrypted key'  => $with->(sub { $_[0] . "\0" x 8 }),
        'a byte before the encrypted key'  => $with->(sub { "\0$_[0]" }),
        'the encrypted key twice'          => $with->(sub { $_[0] x 2 }),
        'an encrypted key of zeros'        => made(encrypted_key => "\0" x length $bytes),
        'an encrypted key of ones'         => made(encrypted_key => "\xff" x length $bytes),
        'the content key, not encrypted'   => $with->(sub { $content }),
        'another content key'              => made(encrypted_key => $right, length $epk ? (epk => $epk) : ()),
        'an encrypted key of 64 KiB'       => made(encrypted_key => 'k' x 65536),
        (map { my $bit = $_; ("bit $bit of the encrypted key flipped" => $with->(sub { decode_base64url(flipped(encode_base64url($_[0]), $bit)) })) }
            0, 100, 8 * length($bytes) - 1),
        'an encrypted key cut, not signed' => replaced(1, encode_base64url(substr $bytes, 0, -1), $token),
        'a bit of the encrypted key flipped, not signed' => replaced(1, flipped(encode_base64url($bytes), 9), $token),
        length($bytes) % 3 ? ('a non-canonical encrypted key' => noncanonical_key()) : (),
    );
}

# Changed in the token as well as under the signature.
sub noncanonical_key {
    my $part;
    my $made = made(signs => sub { $_[0] =~ s/\.\K(.*)/$part = noncanonical($1)/er });
    return replaced(1, $part, $made);
}

sub of_rsa {
    my $public  = $key->{public};
    my $content = 'k' x 32;
    my $digest  = $key->alg eq 'RSA-OAEP' ? 'SHA256' : 'SHA1';
    return (
        'an encrypted key of PKCS #1 v1.5' => made(content_key => $content, encrypted_key => $public->encrypt($content, 'v1.5')),
        'an encrypted key of the other digest' => made(content_key => $content, encrypted_key => $public->encrypt($content, 'oaep', $digest)),
        'an encrypted key with a label'   => made(content_key => $content,
            encrypted_key => $public->encrypt($content, 'oaep', $digest eq 'SHA1' ? 'SHA256' : 'SHA1', 'label')),
        'an encrypted key without padding' => made(content_key => $content,
            encrypted_key => $public->encrypt("\0" x ($public->size - 32) . $content, 'none')),
        'a point'                         => made(epk => $key{p256}->epk($key{p256}->ephemeral)),
    );
}

sub of_ec {
    my $ephemeral = $key->ephemeral;
    my ($x, $y)   = SessionCrypto::CertificateJwe::coordinates($ephemeral);
    my $size      = length $x;
    my $point     = $key->epk($ephemeral);
    my $with      = sub { made(ephemeral => $ephemeral, epk => $key->epk($ephemeral, @_)) };
    my $as        = sub { my ($edit) = @_; made(ephemeral => $ephemeral, epk => $edit->($point)) };
    my ($other)   = grep { $_ ne $name } sort keys %CURVE;
    return (
        'no point'                        => made(epk => ''),
        'a point of null'                 => made(epk => 'null'),
        'a point of an empty object'      => made(epk => '{}'),
        'a point on another curve'        => made(epk => $key{$other}->epk($key{$other}->ephemeral)),
        'a point said to be on another curve'  => $with->(crv => $CURVE{$other}),
        'a point on another curve, said to be on this' =>
            made(epk => $key{$other}->epk($key{$other}->ephemeral, crv => $CURVE{$name})),
        'a point with the other x as y'   => $with->(y => $x),
        'a point that is not on the curve' => $with->(y => substr($y, 0, -1) . chr(1 ^ ord substr $y, -1)),
        'a point at infinity, as zeros'   => $with->(x => "\0" x $size, y => "\0" x $size),
        'a point at infinity, as nothing' => $with->(x => '', y => ''),
        'a point at infinity, as a byte'  => $with->(x => "\0", y => "\0"),
        'a point of ones'                 => $with->(x => "\xff" x $size, y => "\xff" x $size),
        'an x with a zero byte before it' => $with->(x => "\0$x"),
        'a y with a zero byte before it'  => $with->(y => "\0$y"),
        'an x that is cut'                => $with->(x => substr $x, 1),
        'a y that is cut'                 => $with->(y => substr $y, 0, -1),
        'an x with y in it'               => $with->(x => "$x$y", y => ''),
        'a compressed point'              => $with->(x => chr(2 + (ord(substr $y, -1) & 1)) . $x, y => ''),
        'a point of a quarter megabyte'   => $with->(x => 'x' x (MEGABYTE / 8), y => 'y' x (MEGABYTE / 16)),
        $name eq 'p521' ? ('an x that is not reduced' => $with->(x => unreduced($x))) : (),
        $size % 3 ? (
            'a non-canonical x'           => $as->(sub { $_[0] =~ s/"x":"\K([^"]*)/noncanonical($1)/er }),
            'a non-canonical y'           => $as->(sub { $_[0] =~ s/"y":"\K([^"]*)/noncanonical($1)/er }),
        ) : (),
        'a padded x'                      => $as->(sub { $_[0] =~ s/"x":"[^"]*\K/=/r }),
        'a point without kty'             => $as->(sub { $_[0] =~ s/"kty":"EC",//r }),
        'a point without crv'             => $as->(sub { $_[0] =~ s/"crv":"[^"]*",//r }),
        'a point without x'               => $as->(sub { $_[0] =~ s/"x":"[^"]*",//r }),
        'a point without y'               => $as->(sub { $_[0] =~ s/,"y":"[^"]*"//r }),
        'a point of the kind OKP'         => $as->(sub { $_[0] =~ s/"EC"/"OKP"/r }),
        'a point with its private key'    => $as->(sub { $_[0] =~ s/\}$/,"d":"AAAA"}/r }),
        'a point with another member'     => $as->(sub { $_[0] =~ s/\}$/,"use":"enc"}/r }),
        'a point with x twice'            => $as->(sub { $_[0] =~ s/("x":"[^"]*")/$1,$1/r }),
        'a point with a space'            => $as->(sub { $_[0] =~ s/,/, /r }),
        'a point twice'                   => signed(sub { $_[0] =~ s/(,"epk":\{[^}]*\})/$1$1/r }),
        'another point, not signed'       => written(sub { $_[0] =~ s/"epk":\K\{[^}]*\}/$point/r }),
        'the other y of the same x, not signed' => written(sub { $_[0] =~ s/"y":"\K([^"]*)/negated($1)/er }),
        'an encrypted key in padded key wrap' => padded_key_wrap($ephemeral),
    );
}

sub purposes {
    return (
        'no purpose where one is set' => made(),
        (map { ("the purpose '$_'" => made(purpose => $_)) } 'Shop', 'sho', 'shop ', 'mail', '', 'shop","aud":"mail'),
        'the purpose in an array'     => made(purpose => 'shop', header => sub { $_[0] =~ s/"aud":"shop"/"aud":["shop"]/r }),
        'the purpose twice'           => made(purpose => 'shop', header => sub { $_[0] =~ s/(,"aud":"shop")/$1$1/r }),
        'the purpose after the signature' => made(written => sub { $_[0] =~ s/\}$/,"aud":"shop"}/r }),
        'the purpose, not signed'     => made(written => sub { $_[0] =~ s/("kid":"[^"]*")/$1,"aud":"shop"/r }),
        'the purpose removed, not signed' => made(purpose => 'mail', written => sub { $_[0] =~ s/"mail"/"shop"/r }),
        'a token without a purpose, of httpd' => $token,
    );
}

# A `dir` token under a known passphrase, with our key id.
sub by_passphrase {
    my ($passphrase) = @_;
    my $jwe = SessionCrypto::Jwe->new(passphrase => $passphrase);
    return $jwe->token(session => 'user=mallory', header => sprintf '{"alg":"dir","enc":"A256GCM","kid":"%s"}', $key->id);
}

sub point_with_zero {
    return first(sub { $key->ephemeral }, sub { (SessionCrypto::CertificateJwe::coordinates($_[0]))[0] =~ /\A\0/ });
}

sub shortened_point {
    my ($ephemeral) = @_;
    my ($x) = SessionCrypto::CertificateJwe::coordinates($ephemeral);
    return made(ephemeral => $ephemeral, epk => $key->epk($ephemeral, x => $x =~ s/\A\0//r));
}

# The same number plus the prime, for which 66 bytes have room.
sub unreduced {
    my ($x) = @_;
    return pack 'H*', substr Math::BigInt->from_hex(unpack 'H*', $x)->badd($FIELD)->to_hex =~ s/^/0 x 132/er, -132;
}

sub negated {
    my ($y) = @_;
    my $digits = 2 * length decode_base64url($y);
    my $prime  = Math::BigInt->from_hex({ p256 => 'ffffffff00000001' . 0 x 24 . 'f' x 24,
        p384 => 'f' x 63 . 'e' . 'ffffffff' . 0 x 16 . 'ffffffff' }->{$name} // $FIELD->to_hex);
    my $number = $prime->bsub(Math::BigInt->from_hex(unpack 'H*', decode_base64url($y)));
    return encode_base64url(pack 'H*', substr 0 x $digits . $number->to_hex, -$digits);
}

# RFC 5649 in place of RFC 3394, with a key that is one byte short.
sub padded_key_wrap {
    my ($ephemeral) = @_;
    my $kek = SessionCrypto::CertificateJwe::key_encryption_key($ephemeral, $key->{public});
    return made(ephemeral => $ephemeral, encrypted_key => Crypt::KeyWrap::aes_key_wrap($kek, 'k' x 31));
}
