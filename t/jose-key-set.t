# Sessions under a JWK Set open in JOSE libraries of other authors, and their sessions open
# here. The programs of docs/open-a-session have the set and no more. The test goes through
# each size of key and each cipher of JWE, with and without a purpose. A missing library is
# a failure, except for those that only some distributions have: Go's, and the `jose`
# command.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64url);
use Test::More;

use SessionCrypto::Httpd    ();
use SessionCrypto::Programs qw(programs);
use SessionCrypto::Session  qw(decode encode);

my %ENC = ('aes-128-gcm' => 'A128GCM', 'aes-192-gcm' => 'A192GCM', 'aes-256-gcm' => 'A256GCM');
# By the size of its key, the key that seals in a set of three.
my %KEYS = (
    A128KW => '{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg","kid":"2026-11","nbf":1700000000}',
    A192KW => '{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX","alg":"A192KW","nbf":1700000000}',
    A256KW => '{"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","kid":"a_Z-9","use":"enc"}',
);
# One key has ended, and one has not begun.
my $ENDED = '{"kty":"oct","kid":"ended","k":"HBsaGRgXFhUUExIREA8ODQ","exp":1700000000}';
my $LATER = '{"kty":"oct","kid":"later","k":"DQ4PEBESExQVFhcYGRobHA","nbf":4000000000}';
# Go writes &, < and > of a purpose as escapes, which httpd does not take.
my %PURPOSE = (any => undef, shop => "the shop's, at https://shop.example/?a=1;b=2");

# Every byte that a session can hold, as mod_session writes it.
my $session = encode({ user => 'joe', every => join '', map { chr } 1 .. 255 });

my $config = '';
for my $alg (sort keys %KEYS) {
    for my $cipher ($alg eq 'A256KW' ? sort keys %ENC : 'aes-256-gcm') {
        for my $name (sort keys %PURPOSE) {
            my $purpose = defined $PURPOSE{$name} ? qq(SessionCryptoPurpose "$PURPOSE{$name}"\n) : '';
            $config .= qq(<Location /$alg/$cipher/$name>\nSessionCryptoKeyFile "\@DIR\@/$alg"\nSessionCryptoCipher $cipher\n$purpose</Location>\n);
        }
    }
}
$config .= qq(<Location /expires>\nSessionCryptoKeyFile "\@DIR\@/A256KW"\nSessionMaxAge 1\n</Location>\n);
my $httpd = SessionCrypto::Httpd->new(name => 'jose-key-set', config => $config);
my %file  = map { $_ => $httpd->write_file($_, qq({"keys":[$ENDED,\n$KEYS{$_},\n$LATER]}\n), 0600) } keys %KEYS;
$httpd->start;
my $client   = $httpd->client;
my @programs = programs('key-set', $httpd->dir);

for my $alg (sort keys %KEYS) {
    local $ENV{SESSION_KEY_SET_FILE} = $file{$alg};
    for my $cipher ($alg eq 'A256KW' ? sort keys %ENC : 'aes-256-gcm') {
        for my $name (sort keys %PURPOSE) {
            my @purpose = $PURPOSE{$name} // ();
            my $path    = "/$alg/$cipher/$name";
            my $token   = $client->get($path, 'X-S' => $session)->token // '';
            like(header($token), qr/\A\{"alg":"$alg","enc":"$ENC{$cipher}","kid":"[\w-]+"/, "$path: the header is as documented");
            for my $program (@programs) {
                my $library = $program->name;
                my ($opened) = $program->run($token, 'open', @purpose);
                is(same($opened), $session, "$library opens: $path");
                my ($made) = $program->run($session, 'make', $ENC{$cipher}, @purpose);
                my $res = $client->get($path, session => $made);
                is(same($res->body), $session, "httpd opens what $library makes: $path");
                is($res->token, undef, 'and has no reason to seal it again');
            }
        }
    }
}

$ENV{SESSION_KEY_SET_FILE} = $file{A256KW};
my $token   = $client->get('/A256KW/aes-256-gcm/shop', 'X-S' => $session)->token // '';
my $other   = $client->get('/A128KW/aes-256-gcm/shop', 'X-S' => $session)->token // '';
my $expires = $client->get('/expires', 'X-S' => 'user=joe')->token // '';
my $ended   = $httpd->write_file('ended', '{"keys":[' . $KEYS{A256KW} =~ s/\}/,"exp":1700000000}/r . ']}');
my $changed = $httpd->write_file('changed', '{"keys":[' . $KEYS{A256KW} =~ s/AAECAw/AAECBA/r . ']}');
sleep 2;
for my $program (@programs) {
    my $purpose = $PURPOSE{shop};
    $program->refuses('a token without its purpose', qr/purpose/, $token);
    $program->refuses('a purpose that differs in a letter', qr/purpose/, $token, $purpose =~ s/shop/Shop/r);
    $program->refuses('a token with a letter changed', qr/tag/, change(3, $token), $purpose);
    $program->refuses('an encrypted key with a letter changed', qr/encrypted key/, change(1, $token), $purpose);
    $program->refuses('a key that is not in the set', qr/key id/, $other, $purpose);
    $program->refuses('a session that has expired', qr/expired/, $expires);
    $program->refuses('a classic token', qr/not a token/, 'A' x 76 . '==');
    local $ENV{SESSION_KEY_SET_FILE} = $ended;
    $program->refuses('a key that has ended', qr/key id/, $token, $purpose);
    local $ENV{SESSION_KEY_SET_FILE} = $changed;
    $program->refuses('another key with the same id', qr/encrypted key/, $token, $purpose);
}

# The command, as docs/open-a-session has it: it looks at neither purpose nor dates.
SKIP: {
    skip 'the jose command is not here', 4 if system('command -v jose >/dev/null') != 0;
    my $dir = $httpd->dir;
    $httpd->write_file('token', $token);
    is(same(`jose jwe dec -i '$dir/token' -k '$file{A256KW}' -O -`), $session, 'the jose command opens with the set');
    $httpd->write_file('key',      $KEYS{A256KW});
    $httpd->write_file('template', qq({"protected":{"alg":"A256KW","enc":"A256GCM","kid":"a_Z-9","aud":"$PURPOSE{shop}"}}));
    $httpd->write_file('session',  $session);
    my $made = `jose jwe enc -i '$dir/template' -k '$dir/key' -I '$dir/session' -c -o -`;
    like(header($made), qr/\A\{"alg":.*,"aud":.*,"enc":.*,"kid":/, 'it sorts the members');
    my $res = $client->get('/A256KW/aes-256-gcm/shop', session => $made);
    is(same($res->body), $session, 'httpd opens what it makes');
    is($res->token, undef, 'and has no reason to seal it again');
}

$httpd->stop;
$httpd->log->clean;

done_testing;

# mod_session escapes fewer characters than this test.
sub same { return encode(decode($_[0])) }

sub header { return decode_base64url((split /\./, $_[0])[0] // '') }

# Changes one letter of a part.
sub change {
    my ($index, $token) = @_;
    my @parts = split /\./, $token;
    substr($parts[$index], 5, 1) = substr($parts[$index], 5, 1) eq 'A' ? 'B' : 'A';
    return join '.', @parts;
}
