# The provider `legacy` has ciphers and digests that OpenSSL's other providers lack, and
# that nothing new should use. The sections that name it have them, and no other part of
# httpd does: a virtual host of mod_ssl still refuses these ciphers.

use strict;
use warnings;

use File::Basename qw(dirname);
use MIME::Base64   qw(decode_base64);
use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Engines
    qw(is_rejected log_of opened_by_children opened_by_openssl opens process_handler seal section);
use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(HTACCESS);

# Ciphers of TLS 1.2: one of the legacy provider, and another.
use constant { LEGACY => 'SEED-SHA', PLAIN => 'AES128-SHA' };

# Path, bytes of a block and of a key, the `openssl` program's names of cipher and
# digest, and settings.
my @SECTIONS = (
    ['cast5',     8,  16, 'cast5-cbc',   'SHA1',      'SessionCryptoEngine provider:legacy', 'SessionCryptoCipher cast5-cbc'],
    ['bare',      8,  16, 'bf-cbc',      'SHA1',      'SessionCryptoCipher BF-CBC',          'SessionCryptoEngine legacy'],
    ['seed',      16, 16, 'seed-cbc',    'SHA1',      'SessionCryptoEngine provider:legacy', 'SessionCryptoCipher seed-cbc'],
    ['whirlpool', 16, 32, 'aes-256-cbc', 'Whirlpool', 'SessionCryptoEngine legacy',          'SessionCryptoDigest whirlpool'],
    ['both',      8,  16, 'cast5-cbc',   'MD4',       'SessionCryptoEngine legacy',          'SessionCryptoCipher cast5-cbc', 'SessionCryptoDigest md4'],
    ['default',   16, 32, 'aes-256-cbc', 'SHA1',      'SessionCryptoEngine legacy'],
    ['none',      16, 32, 'aes-256-cbc', 'SHA1'],
);
my %SAME = (default => 'none', none => 'default');

my $config = "SessionCryptoPassphrase secret\n"
    . join '', map { my ($path, undef, undef, undef, undef, @lines) = @$_; section("/$path", @lines) } @SECTIONS;
$config .= section('/outer', 'SessionCryptoEngine legacy') . section('/outer/inner', 'SessionCryptoCipher cast5-cbc')
    . section('/jwe', 'SessionCryptoEngine legacy', 'SessionCryptoCipher aes-256-gcm')
    . section('/jwe-none', 'SessionCryptoCipher aes-256-gcm');

my ($httpd, $tls_port) = server('provider');
$httpd->start;
my $client = $httpd->client;

my %token;
for (@SECTIONS) {
    my ($path, $block, $key, $cipher, $digest) = @$_;
    my $token = $token{$path} = seal($httpd, "/$path");
    opens($httpd, "/$path", $token, 'a session is set and read back');
    is(length decode_base64($token), 8 + 16 + $block + 16, "and the cipher has blocks of $block bytes");
    is(opened_by_openssl($httpd->dir, $token, $cipher, digest => $digest, block => $block, key => $key,
        with => '-provider legacy -provider default'), 'user=joe', "it is $cipher, under a key of $digest");
}
for my $path (sort keys %token) {
    for my $from (grep { $_ ne $path && $_ ne ($SAME{$path} // '') } sort keys %token) {
        isnt($client->get("/$path", session => $token{$from})->body, 'user=joe', "/$path does not read a token of /$from");
    }
    opens($httpd, "/$path", $token{ $SAME{$path} }, "a token of /$SAME{$path}") if $SAME{$path};
}
opens($httpd, '/cast5', seal($httpd, '/outer/inner'), 'the provider of an outer section, the cipher of an inner one');
opens($httpd, '/outer/inner', $token{cast5}, 'and the other way');
opens($httpd, '/jwe', seal($httpd, '/jwe-none'), 'a JWE of a section without a provider');
opens($httpd, '/jwe-none', seal($httpd, '/jwe'), 'and of one with a provider');

for my $round (0 .. 2) {
    $httpd->restart if $round;
    opened_by_children($httpd, \%token, "after $round restarts");
}

# .htaccess may name the providers that the server uses.
$httpd->write_file('htdocs/in/.htaccess', "SessionCryptoEngine provider:legacy\nSessionCryptoCipher cast5-cbc\n");
opens($httpd, '/in/', $token{cast5}, '.htaccess names the provider');
for my $line ('SessionCryptoEngine provider:base', 'SessionCryptoEngine gost') {
    $httpd->write_file('htdocs/in/.htaccess', "$line\n");
    my @log = log_of($httpd, sub { is($client->get('/in/', 'X-S' => 'user=joe')->status, 500, ".htaccess: $line") });
    like("@log", qr/\.htaccess: .*server configuration/, 'and error_log says why');
}

# mod_ssl in the same processes shares sessions with http, and gets no ciphers.
is(tls($httpd, $tls_port, PLAIN, '/seed', session => $token{seed})->body, 'user=joe', 'a session of http opens over https');
my $sealed = tls($httpd, $tls_port, PLAIN, '/seed', 'X-S' => 'user=jane')->token // '';
is($client->get('/seed', session => $sealed)->body, 'user=jane', 'and one of https over http');
SKIP: {
    skip 'this OpenSSL has no such cipher for TLS', 1 if !has_suite(LEGACY);
    is(tls($httpd, $tls_port, LEGACY, '/seed')->status, 0, 'while mod_ssl does not know that cipher');
}
$httpd->stop;

# The same server with an OpenSSL configuration that loads the provider for all.
{
    my ($all, $port) = server('provider-for-all');
    local $ENV{OPENSSL_CONF} = $all->write_file('openssl.cnf', <<'END');
openssl_conf = all
[all]
providers = providers
[providers]
default = active
legacy = active
[active]
activate = 1
END
    $all->start;
  SKIP: {
        skip 'this OpenSSL has no such cipher for TLS', 1 if !has_suite(LEGACY);
        is(tls($all, $port, LEGACY, '/seed', session => $token{seed})->body, 'user=joe', 'but knows it where the provider is loaded for all');
    }
    is($all->client->get("/$_", session => $token{$_})->body, 'user=joe', "and /$_ works there as well") for sort keys %token;
    $all->stop;
    my ($ok, $output) = SessionCrypto::Httpd->new(config => 'SessionCryptoCipher cast5-cbc')->check;
    ok($ok, 'and there the cipher needs no SessionCryptoEngine') or diag($output);
    expect_mod_ssl($all->log);
    $all->log->clean;
}

# name => [lines, beginning of the line at fault, words]
my $secret = "SessionCryptoPassphrase S3cr3t-of-many-bytes\n";
my %WRONG = (
    (map { ("the cipher $_ without its provider" => ["SessionCryptoCipher $_", '', $_, 'unknown cipher', 'SessionCryptoEngine']) }
        qw(cast5-cbc bf-cbc seed-cbc)),
    (map { ("the digest $_ without its provider" => ["SessionCryptoDigest $_", '', $_, 'unknown digest', 'SessionCryptoEngine']) }
        qw(md4 whirlpool)),
    'the provider of a section beside, in another host' => [
        "<VirtualHost *>\nServerName a\nSessionCryptoEngine legacy\n</VirtualHost>\n"
            . "<VirtualHost *>\nServerName b\nSessionCryptoCipher cast5-cbc\n</VirtualHost>", 'SessionCryptoCipher', 'unknown cipher'],
    'a provider without that cipher' => ["SessionCryptoEngine provider:base\nSessionCryptoCipher cast5-cbc", 'SessionCryptoCipher', 'unknown cipher'],
    (map { ("the cipher $_" => ["SessionCryptoEngine legacy\nSessionCryptoCipher $_", 'SessionCryptoCipher', $_, 'neither CBC nor AES-GCM']) }
        qw(cast5-cfb bf-ecb rc4 seed-ofb)),
    'no such provider'      => ['SessionCryptoEngine provider:none-such', '', "provider 'none-such'"],
    'an engine as provider' => ['SessionCryptoEngine provider:padlock', '', "provider 'padlock'"],
    (map { ("the provider '$_'" => ["SessionCryptoEngine '$_'", '', 'a name of letters']) }
        'provider:', 'provider:../legacy', 'provider:/tmp/legacy', 'provider:legacy.so', 'provider:engine:gost'),
);
for my $name (sort keys %WRONG) {
    my ($lines, $beginning, @words) = @{ $WRONG{$name} };
    is_rejected(SessionCrypto::Httpd->new(config => $secret . $lines), $name, $beginning || $lines, @words);
}

$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a token of another section');
$httpd->log->expect(qr{\[core:alert\] .*/in/${\HTACCESS}}, 'the mistakes in .htaccess');
expect_mod_ssl($httpd->log);
$httpd->log->clean;

done_testing;

# A server with a port for TLS, and that port.
sub server {
    my ($name) = @_;
    my $modules = dirname(SessionCrypto::Httpd::env('C_MODULE'));
    my $port    = SessionCrypto::Httpd::free_port();
    my $server  = SessionCrypto::Httpd->new(name => $name, handlers => process_handler(), config => <<"END");
LoadModule ssl_module "$modules/mod_ssl.so"
$config
Listen 127.0.0.1:$port
SSLSessionCache none
<VirtualHost 127.0.0.1:$port>
    SSLEngine on
    SSLCertificateFile tls.pem
    SSLCertificateKeyFile tls.key
    SSLProtocol TLSv1.2
    SSLCipherSuite @{[LEGACY]}:@{[PLAIN]}:\@SECLEVEL=0
</VirtualHost>
END
    certificate($server->dir, 'tls', 'rsa:2048');
    return ($server, $port);
}

# Lines of mod_ssl about this configuration, and about the packages of a distribution.
sub expect_mod_ssl {
    my ($log) = @_;
    $log->expect(qr/AH01873/,         'there is no session cache');
    $log->expect(qr/AH01906|AH01909/, 'the certificate is self-signed');
    $log->expect(qr/AH01882/,         'its package was built with a later patch release of OpenSSL than is installed');
    return;
}

# A request over TLS with one cipher; the status is 0 without a common one.
sub tls {
    my ($server, $port, $cipher, $path, @headers) = @_;
    my $request = "GET $path HTTP/1.0\r\nHost: 127.0.0.1\r\n";
    while (my ($name, $value) = splice @headers, 0, 2) {
        $request .= $name eq 'session' ? "Cookie: session=$value\r\n" : "$name: $value\r\n";
    }
    my $file = $server->write_file('request', "$request\r\n");
    my $answer = qx(openssl s_client -quiet -connect 127.0.0.1:$port -tls1_2 -cipher '$cipher:\@SECLEVEL=0' \\
        -provider legacy -provider default < '$file' 2>/dev/null);
    return SessionCrypto::Response->parse($answer);
}

# Newer builds of OpenSSL leave some out.
sub has_suite { return system("openssl ciphers -s -tls1_2 -provider legacy -provider default '$_[0]:\@SECLEVEL=0' >/dev/null 2>&1") == 0 }

