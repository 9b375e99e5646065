# Sessions sealed with a certificate, after docs/wire-format.md: with each kind of key
# that SessionCryptoCertificateFile takes, on one server and on several, and while one
# certificate replaces another.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64url);
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            qw(header parts);
use SessionCrypto::Refusal        qw(is_refused);

use constant TOKENS => 40;

# Name of the key, more lines of the section, and what its tokens say.
my @SECTIONS = (
    ['rsa-2048', '',                                  'RSA-OAEP-256'],
    ['rsa-3072', "SessionCryptoDigest SHA\n",         'RSA-OAEP'],
    ['ec-P-256', '',                                  'ECDH-ES+A256KW', 'P-256', 32],
    ['ec-P-384', "SessionCryptoDigest SHA512\n",      'ECDH-ES+A256KW', 'P-384', 48],
    ['ec-P-521', "SessionCryptoDigest SHA\n",         'ECDH-ES+A256KW', 'P-521', 66],
    ['rsa-2048', "SessionCryptoDigest SHA256\n",      'RSA-OAEP-256'],
);
my %ENC = ('aes-128-gcm' => 'A128GCM', 'aes-192-gcm' => 'A192GCM', 'aes-256-gcm' => 'A256GCM');

my $config = '';
for my $number (0 .. $#SECTIONS) {
    my ($name, $lines) = @{ $SECTIONS[$number] };
    $lines .= certificates($name);
    $config .= section("$number", $lines) . section("$number/shop", $lines, 'SessionCryptoPurpose shop');
    $config .= section("$number/$_", $lines, "SessionCryptoCipher $_") for sort keys %ENC;
    $config .= section("$number/list", $lines, 'SessionCryptoCipher aes-256-gcm aes-128-gcm');
}
# A certificate replaces another one, perhaps one of another kind.
for my $pair (['rsa-2048', 'new'], ['rsa-2048', 'ec-P-256'], ['ec-P-256', 'rsa-2048'], ['ec-P-384', 'other']) {
    my ($old, $new) = @$pair;
    my $path = "$old-$new";
    $config .= section("$path/before",  certificates($old));
    $config .= section("$path/prepare", certificates($old, $new));
    $config .= section("$path/switch",  certificates($new, $old));
    $config .= section("$path/lines",   certificates($new), certificates($old));
    $config .= section("$path/after",   certificates($new));
}
$config .= section('surplus', <<'END_OF_LINES');
SessionCryptoCertificateFile ec-P-256.pem
SessionCryptoCertificateKeyFile rsa-3072.key other.key ec-P-256.key new.key
END_OF_LINES
$config .= section('passphrase', "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm");
$config .= section('inner', certificates('rsa-2048')) . section('inner/most', certificates('ec-P-256'));

my $httpd = SessionCrypto::Httpd->new(name => 'certificates', config => $config);
my %pair  = map { $_ => certificate($httpd->dir, $_, s/-/:/r) } map { $$_[0] } @SECTIONS[0 .. 4];
$pair{new}   = certificate($httpd->dir, 'new', 'rsa:2048');
$pair{other} = certificate($httpd->dir, 'other', 'ec:P-384');
my %key = map { $_ => SessionCrypto::CertificateJwe->new(%{ $pair{$_} }, oaep => $_ eq 'rsa-3072' ? 'SHA1' : 'SHA256') } keys %pair;
$httpd->start;
my $client = $httpd->client;

for my $number (0 .. $#SECTIONS) {
    my ($name, $lines, @says) = @{ $SECTIONS[$number] };
    subtest "$name, ${\($lines =~ s/\n//r || 'no more lines')}" => sub { round_trip("/$number", $name, @says) };
}

sub round_trip {
    my ($path, $name, $alg, $crv, $coordinate) = @_;
    my $key   = $key{$name};
    my $epk   = $crv ? qr/,"epk":\{"kty":"EC","crv":"$crv","x":"([\w-]+)","y":"([\w-]+)"\}/a : '';
    my $begin = qr/\{"alg":"\Q$alg\E","enc":"A256GCM","kid":"\Q${\$key->id}\E"/;

    my $token = seal($path, 'user=joe');
    my $res   = $client->get($path, session => $token);
    is($res->body, 'user=joe', 'a session is set and read back');
    is($res->token, undef, 'and there is no reason to seal it again');
    like(header($token), qr/\A$begin$epk,"sig":"[\w-]+"\}\z/a, 'the header is as documented');
    is($key->open($token), 'user=joe', 'the token is as documented');
    is(length decode_base64url((parts($token))[3]), length 'user=joe', 'the ciphertext is as long as the session');
    if ($crv) {
        my @lengths = map { length decode_base64url($_) } header($token) =~ /$epk,"sig":"([\w-]+)"/a;
        is_deeply(\@lengths, [$coordinate, $coordinate, 2 * $coordinate], 'x, y and the signature have their lengths');
    }

    $token = seal("$path/shop", 'user=joe');
    like(header($token), qr/\A$begin,"aud":"shop"$epk,"sig":"[\w-]+"\}\z/a, 'and with a purpose');
    is($key->open($token, 'shop'), 'user=joe', 'and so is the token');
    is($client->get("$path/shop", session => $token)->body, 'user=joe', 'which is read back');

    reads($path, 'user=joe', $key->token(session => 'user=joe'), 'what others made opens');
    reads("$path/shop", 'user=joe', $key->token(session => 'user=joe', purpose => 'shop'), 'with a purpose, too');
    for my $cipher (sort keys %ENC) {
        my $sealed = seal("$path/$cipher", 'user=joe');
        like(header($sealed), qr/"enc":"$ENC{$cipher}"/, "$cipher seals");
        is($key->open($sealed), 'user=joe', 'and is as documented');
        reads("$path/$cipher", 'user=joe', $sealed, 'and opens');
        reads("$path/$cipher", 'user=joe', $key->token(session => 'user=joe', enc => $ENC{$cipher}), 'as do those of others');
    }
    is_sealed_again("$path/list", seal("$path/aes-128-gcm", 'user=joe'), qr/"enc":"A256GCM"/, 'another cipher of the list');
}

# Each hour and process has one content key, header and encrypted key; no nonce comes
# twice.
for my $number (0, 2) {
    my @tokens = map { seal("/$number", 'user=joe') } 1 .. TOKENS;
    my %headers = map { join('.', (parts($_))[0, 1]) => 1 } @tokens;
    my %nonces  = map { (parts($_))[2] => 1 } @tokens;
    cmp_ok(keys %headers, '<=', TOKENS / 2, "/$number: a process has one header for many tokens");
    is(keys %nonces, TOKENS, 'and a nonce for each');
    my %keys = map { (parts($_))[1] => 1 } @tokens;
    is(keys %keys, keys %headers, 'header and encrypted key go together');
    reads("/$number", 'user=joe', $_, 'and it opens') for @tokens[0, 1, -1];
}

# The certificates that each step opens and seals with.
for my $names (['rsa-2048', 'new'], ['rsa-2048', 'ec-P-256'], ['ec-P-256', 'rsa-2048'], ['ec-P-384', 'other']) {
    my ($old, $new) = @$names;
    my $path = "/$old-$new";
    my ($of_old, $of_new) = (seal("$path/before", 'user=joe'), seal("$path/after", 'user=joe'));
    my ($old_id, $new_id) = map { qr/"kid":"\Q${\$key{$_}->id}\E"/ } $old, $new;
    like(header($of_old), $old_id, "$path: the old certificate seals before");
    like(header($of_new), $new_id, 'the new one after');
    reads("$path/prepare", 'user=joe', $of_old, 'a server that is prepared opens under the old');
    is_sealed_again("$path/prepare", $of_new, $old_id, 'and under the new, which it seals again under the old');
    reads("$path/$_", 'user=joe', $of_new, "$_: opens under the new") for qw(switch lines);
    is_sealed_again("$path/$_", $of_old, $new_id, "$_: the old certificate") for qw(switch lines);
    is_refused($httpd, 'a certificate that it does not have yet', "$path/before", $of_new);
    is_refused($httpd, 'a certificate that is gone', "$path/after", $of_old);
    # Each token with the certificate id of the other.
    for ([$old, $new], [$new, $old]) {
        my ($signer, $claimed) = @key{@$_};
        is_refused($httpd, "the key of $$_[0], and the id of $$_[1]", "$path/switch",
            $signer->token(session => 'user=mallory', kid => $claimed->id));
        is_refused($httpd, "for $$_[1], signed by $$_[0]", "$path/switch", $claimed->token(session => 'user=mallory', signer => $signer))
            if ref $signer->{public} eq ref $claimed->{public};
    }
}

is($key{'ec-P-256'}->open(seal('/surplus', 'user=joe')), 'user=joe', 'a key without a certificate does no harm');
is_refused($httpd, 'a token under the passphrase, which only opens keys', '/surplus', seal('/passphrase', 'user=mallory'));
is_refused($httpd, "a token of a certificate", '/passphrase', seal('/surplus', 'user=mallory'));
is($key{'ec-P-256'}->open(seal('/inner/most', 'user=joe')), 'user=joe', "an inner section's certificates");
is_refused($httpd, "the certificate of the section around it", '/inner/most', seal('/inner', 'user=mallory'));

# Servers that share a certificate share sessions; no others do.
{
    my @servers = map { server($_) } 'rsa-2048', 'rsa-2048', 'new';
    my ($one, $two, $three) = @servers;
    my $sealed = $one->client->get('/', 'X-S' => 'user=joe')->token;
    is($two->client->get('/', session => $sealed)->body, 'user=joe', 'two servers share sessions');
    $sealed = $two->client->get('/', 'X-S' => 'user=jane')->token;
    is($one->client->get('/', session => $sealed)->body, 'user=jane', 'both ways');
    is_refused($three, 'a server with another certificate', '/', $sealed);
    $_->stop for @servers;
    $three->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a refused token');
    $_->log->clean for @servers;
}

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a refused token');
$httpd->log->clean;

done_testing;

sub section {
    my ($path, @lines) = @_;
    return join "\n", "<Location /$path>", @lines, "</Location>\n";
}

# The lines of a list of certificates, with their keys in another order.
sub certificates {
    my @names = @_;
    return "SessionCryptoCertificateFile @{[map { qq($_.pem) } @names]}\n"
        . "SessionCryptoCertificateKeyFile @{[map { qq($_.key) } reverse @names]}\n";
}

# Another server, with files of this one.
sub server {
    my ($name) = @_;
    my $lines = certificates($name) =~ s/(\S+\.(?:pem|key))/${\$httpd->dir}\/$1/gr;
    return SessionCrypto::Httpd->new(name => "shares-$name", config => $lines)->start;
}

sub seal {
    my ($path, $session) = @_;
    return $client->get($path, 'X-S' => $session)->token // '';
}

sub reads {
    my ($path, $session, $token, $name) = @_;
    my $res = $client->get($path, session => $token);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($res->body, $session, "$path: $name");
    is($res->token, undef, 'and is left as it is');
    return;
}

sub is_sealed_again {
    my ($path, $token, $header, $name) = @_;
    my $res   = $client->get($path, session => $token);
    my $again = $res->token // '';
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($res->body, 'user=joe', "$path: $name opens");
    like($again && header($again), $header, 'and is sealed again under the first');
    is($client->get($path, session => $again)->token, undef, 'but only once');
    return;
}
