# Under an engine that other configuration has made the default for AES-256-GCM, and
# that lets a token pass if its tag was never set: a good token opens, a changed one does
# not, and new ones have a right tag.

use strict;
use warnings;

use FindBin ();
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More;

use SessionCrypto::Engines qw(need_engine);
use SessionCrypto::Httpd   ();
use SessionCrypto::Jwe     qw(parts);
use SessionCrypto::Refusal qw(is_refused);

use constant SESSION => 'user=joe&admin=no';

need_engine('dynamic');

my $work    = SessionCrypto::Httpd->new(name => 'default-engine-files')->dir;
my $library = "$work/default-engine.so";
my @compile = ($ENV{CC} // 'cc', '-Wall', '-shared', '-fPIC', '-o', $library, "$FindBin::Bin/faults/default-engine.c", '-lcrypto');
is(system(@compile), 0, 'the engine compiles') or BAIL_OUT('no engine');
chmod 0755, $library or die "$library: $!\n";

my $jwe   = SessionCrypto::Jwe->new(passphrase => 'secret');
my $httpd = SessionCrypto::Httpd->new(name => 'default-engine', config => "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm");
{
    local $ENV{LD_PRELOAD} = $library;
    $httpd->start;
}
$httpd->log->expect(qr/session refused/, 'a token with a wrong tag');
my $client = $httpd->client;

my $good = $jwe->token(session => SESSION);
is($client->get('/', session => $good)->body, SESSION, 'a token of another implementation opens');
is($client->get('/', session => $client->get('/', 'X-S' => SESSION)->token)->body, SESSION, 'and so does one of its own');

my ($header, $key, $nonce, $ciphertext, $tag) = parts($good);
my $changed = decode_base64url($ciphertext) ^ ("\0" x (length(SESSION) - 2) . ("no" ^ "ye"));
is_refused($httpd, 'a session with other words', '/', join('.', $header, $key, $nonce, encode_base64url($changed), $tag), q(the token's tag is wrong));
is_refused($httpd, 'another tag', '/', join('.', $header, $key, $nonce, $ciphertext, encode_base64url("\0" x 16)), q(the token's tag is wrong));

$httpd->stop;
$httpd->log->clean;

done_testing;
