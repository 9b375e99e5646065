# The engine `gost` has ciphers (Kuznyechik, Magma) and a digest (Streebog) that OpenSSL
# itself lacks. They seal and open sessions in the sections that name the engine, and in
# no others.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64);
use Test::More;

use SessionCrypto::Engines
    qw(is_rejected log_of need_engine opened_by_children opened_by_openssl opens process_handler seal section);
use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(HTACCESS);

need_engine('gost', 'libengine-gost-openssl');

# Path, bytes of a block, and the settings after the passphrase.
my @SECTIONS = (
    ['kuznyechik',  16, 'SessionCryptoEngine gost',        'SessionCryptoCipher kuznyechik-cbc'],
    ['later',       16, 'SessionCryptoCipher Kuznyechik-CBC', 'SessionCryptoEngine engine:gost'],
    ['magma',       8,  'SessionCryptoEngine engine:gost', 'SessionCryptoCipher magma-cbc'],
    ['digest',      16, 'SessionCryptoEngine gost',        'SessionCryptoDigest md_gost12_256'],
    ['digest-512',  16, 'SessionCryptoEngine gost',        'SessionCryptoDigest md_gost12_512'],
    ['both',        8,  'SessionCryptoEngine gost',        'SessionCryptoCipher magma-cbc', 'SessionCryptoDigest md_gost12_256'],
    ['default',     16, 'SessionCryptoEngine gost'],
    ['none',        16],
);
# Paths with settings that mean the same.
my %SAME = (later => 'kuznyechik', default => 'none', none => 'default', kuznyechik => 'later');

my $config = "SessionCryptoPassphrase secret\n"
    . join '', map { my ($path, undef, @lines) = @$_; section("/$path", @lines) } @SECTIONS;
$config .= section('/outer', 'SessionCryptoEngine gost') . section('/outer/inner', 'SessionCryptoCipher kuznyechik-cbc')
    . section('/outer/inner/other', 'SessionCryptoCipher aes128') . section('/aes128', 'SessionCryptoCipher aes128')
    . section('/list', 'SessionCryptoEngine gost', 'SessionCryptoCipher kuznyechik-cbc magma-cbc aes256')
    . section('/jwe', 'SessionCryptoEngine gost', 'SessionCryptoCipher aes-256-gcm')
    . section('/jwe-none', 'SessionCryptoCipher aes-256-gcm');
my $httpd = SessionCrypto::Httpd->new(name => 'engine', config => $config, handlers => process_handler());
$httpd->write_file("htdocs/$_/here", '') for qw(engine nothing);
$httpd->{config} .= <<'END';
<Directory "@DIR@/htdocs/engine">
    SessionCryptoEngine gost
</Directory>
END
$httpd->start;
my $client = $httpd->client;

# Another server names the same engine by the other directive.
my $other = SessionCrypto::Httpd->new(name => 'engine-other', config => <<'END')->start;
SessionCryptoDriver openssl engine=gost
SessionCryptoPassphrase secret
SessionCryptoCipher kuznyechik-cbc
<VirtualHost *>
    <Location /magma>
        SessionCryptoCipher magma-cbc
    </Location>
    <Location /digest>
        SessionCryptoCipher aes256
        SessionCryptoDigest md_gost12_256
    </Location>
</VirtualHost>
END

my %token;
for (@SECTIONS) {
    my ($path, $block) = @$_;
    $token{$path} = seal($httpd, "/$path");
    opens($httpd, "/$path", $token{$path}, 'a session is set and read back');
    is(length decode_base64($token{$path}), 8 + 16 + $block + 16, "and the cipher has blocks of $block bytes");
}
for my $path (sort keys %token) {
    for my $from (grep { $_ ne $path && $_ ne ($SAME{$path} // '') } sort keys %token) {
        isnt($client->get("/$path", session => $token{$from})->body, 'user=joe', "/$path does not read a token of /$from");
    }
    opens($httpd, "/$path", $token{ $SAME{$path} }, "a token of /$SAME{$path}") if $SAME{$path};
}
my @gost = (with => '-engine gost', key => 32);
is(opened_by_openssl($httpd->dir, $token{kuznyechik}, 'kuznyechik-cbc', block => 16, @gost), 'user=joe', 'it is Kuznyechik');
is(opened_by_openssl($httpd->dir, $token{magma}, 'magma-cbc', block => 8, @gost), 'user=joe', 'it is Magma');

for (['/', 'kuznyechik'], ['/magma', 'magma'], ['/digest', 'digest']) {
    my ($path, $from) = @$_;
    is($other->client->get($path, session => $token{$from})->body, 'user=joe', "another server opens a token of /$from");
    my $token = $other->client->get($path, 'X-S' => 'user=jane')->token // '';
    is($client->get("/$from", session => $token)->body, 'user=jane', 'and the other way');
}
$other->stop;

opens($httpd, '/outer/inner', $token{kuznyechik}, 'the engine of an outer section, the cipher of an inner one');
opens($httpd, '/kuznyechik', seal($httpd, '/outer/inner'), 'a token of /outer/inner');
opens($httpd, '/default', seal($httpd, '/outer'), 'a token of /outer');
opens($httpd, '/aes128', seal($httpd, '/outer/inner/other'), 'another cipher in the innermost section');
opens($httpd, '/jwe', seal($httpd, '/jwe-none'), 'a JWE of a section without an engine');
opens($httpd, '/jwe-none', seal($httpd, '/jwe'), 'and of one with an engine');
for my $path (qw(magma none)) {
    my $res = $client->get('/list', session => $token{$path});
    is($res->body, 'user=joe', "a list of ciphers opens a token of /$path");
    opens($httpd, '/kuznyechik', $res->token // '', 'and seals it under the first');
}

# Each child uses an engine that the parent has started, also after restarts. A context
# that has held a cipher of the engine can hold others too.
for my $round (0 .. 3) {
    $httpd->restart if $round;
    opened_by_children($httpd, \%token, "after $round restarts");
    opens($httpd, "/$_", seal($httpd, "/$_"), 'and new tokens') for sort keys %token;
}

# .htaccess may name the engines that the server uses.
for (
    ['/nothing/', 'kuznyechik', 'SessionCryptoEngine gost', 'SessionCryptoCipher kuznyechik-cbc'],
    ['/nothing/', 'kuznyechik', 'SessionCryptoCipher kuznyechik-cbc', 'SessionCryptoEngine engine:gost'],
    ['/nothing/', 'digest', 'SessionCryptoEngine gost', 'SessionCryptoDigest md_gost12_256'],
    ['/nothing/', 'none', 'SessionCryptoEngine gost'],
    ['/engine/', 'magma', 'SessionCryptoCipher magma-cbc'],
    ['/engine/', 'digest', 'SessionCryptoDigest md_gost12_256'],
) {
    my ($path, $same, @lines) = @$_;
    htaccess($httpd, $path, @lines);
    opens($httpd, $path, $token{$same}, ".htaccess: @lines");
    opens($httpd, "/$same", seal($httpd, $path), 'and the other way');
}
# This section has no engine, though another has: only the request can tell.
htaccess($httpd, '/nothing/', 'SessionCryptoCipher kuznyechik-cbc');
my @lines = log_of($httpd, sub { is($client->get('/nothing/', 'X-S' => 'user=joe')->token, undef, '.htaccess: no engine, no session') });
like("@lines", qr/\[session_crypto:error\] .*unknown cipher/, 'and error_log says why');

for (
    ['no such engine',       'server configuration', 'SessionCryptoEngine none-such'],
    ['an engine not in use', 'server configuration', 'SessionCryptoEngine pkcs11'],
    ['a provider not in use', 'server configuration', 'SessionCryptoEngine provider:legacy'],
    ['a path',               'a name of letters', 'SessionCryptoEngine ../gost'],
    ['a MAC as digest',      'cannot be used for HMAC', 'SessionCryptoEngine gost', 'SessionCryptoDigest gost-mac'],
    ['a mode that is not CBC', 'CBC', 'SessionCryptoEngine gost', 'SessionCryptoCipher kuznyechik-ctr'],
) {
    my ($name, $word, @lines) = @$_;
    does_not_work($httpd, $name, $word, @lines);
}
$httpd->stop;

my $plain = SessionCrypto::Httpd->new(name => 'engine-unused', config => 'SessionCryptoPassphrase secret')->start;
does_not_work($plain, 'an engine that the server does not use', 'server configuration', "SessionCryptoEngine $_")
    for qw(gost engine:gost);
does_not_work($plain, "a cipher of such an engine", 'unknown cipher', 'SessionCryptoCipher kuznyechik-cbc');
does_not_work($plain, "a digest of such an engine", 'unknown digest', 'SessionCryptoDigest md_gost12_256');
$plain->stop;

# name => [lines, beginning of the line at fault, words]
my $secret = "SessionCryptoPassphrase S3cr3t-of-many-bytes\n";
my %WRONG = (
    'a cipher without its engine'   => ['SessionCryptoCipher kuznyechik-cbc', '', 'kuznyechik-cbc', 'unknown cipher', 'SessionCryptoEngine'],
    'a digest without its engine'   => ['SessionCryptoDigest md_gost12_256', '', 'md_gost12_256', 'unknown digest', 'SessionCryptoEngine'],
    'a cipher of another engine'    => ["SessionCryptoEngine pkcs11\nSessionCryptoCipher magma-cbc", 'SessionCryptoCipher', 'unknown cipher'],
    'a cipher and a provider'       => ["SessionCryptoEngine provider:legacy\nSessionCryptoCipher magma-cbc", 'SessionCryptoCipher', 'unknown cipher'],
    'the engine in another host'    => ["<VirtualHost *>\nServerName a\nSessionCryptoEngine gost\n</VirtualHost>\n"
        . "<VirtualHost *>\nServerName b\nSessionCryptoCipher kuznyechik-cbc\n</VirtualHost>", 'SessionCryptoCipher', 'unknown cipher'],
    'another engine in the section' => ["SessionCryptoEngine gost\n" . section('/a', 'SessionCryptoEngine provider:legacy',
        'SessionCryptoCipher kuznyechik-cbc'), 'SessionCryptoCipher', 'unknown cipher'],
    'a cipher that does not exist'  => ["SessionCryptoEngine gost\nSessionCryptoCipher aes256 kuznyechik", 'SessionCryptoCipher', "'kuznyechik'", 'unknown cipher'],
    (map { ("the cipher $_" => ["SessionCryptoEngine gost\nSessionCryptoCipher $_", 'SessionCryptoCipher', $_, 'neither CBC nor AES-GCM']) }
        qw(kuznyechik-ctr kuznyechik-ecb kuznyechik-cfb kuznyechik-ctr-acpkm-omac magma-ctr gost89 magma-kexp15)),
    (map { ("the digest $_" => ["SessionCryptoEngine gost\nSessionCryptoDigest $_", 'SessionCryptoDigest', $_, 'cannot be used for HMAC']) }
        qw(gost-mac gost-mac-12 magma-mac kuznyechik-mac)),
    'no such engine'                => ['SessionCryptoEngine engine:none-such', '', "engine 'none-such'", 'install'],
    'neither engine nor provider'   => ['SessionCryptoEngine none-such', '', "engine 'none-such'", "provider 'none-such'"],
    'a provider as engine'          => ['SessionCryptoEngine engine:legacy', '', "engine 'legacy'"],
    'no such engine, of the driver' => ['SessionCryptoDriver openssl engine=none-such', '', 'none-such'],
    'no engine of the driver'       => ['SessionCryptoDriver openssl engine=', '', 'a name of letters'],
    'another parameter'             => ['SessionCryptoDriver openssl engine=gost colour=red', '', 'colour', 'engine=NAME'],
    (map { ("the engine '$_'" => ["SessionCryptoEngine '$_'", '', 'a name of letters', 'a file of that name']) }
        '', 'engine:', '../gost', '/usr/lib/gost', 'gost.so', 'engine:provider:legacy', 'x' x 65),
    'two engines'                   => ['SessionCryptoEngine gost pkcs11', '', 'one argument'],
    'no engine'                     => ['SessionCryptoEngine', '', 'takes'],
);
for my $name (sort keys %WRONG) {
    my ($lines, $beginning, @words) = @{ $WRONG{$name} };
    is_rejected(SessionCrypto::Httpd->new(config => $secret . $lines), $name, $beginning || $lines, @words);
}

$_->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a token of another section') for $httpd, $other, $plain;
$_->log->expect(qr{\[core:alert\] .*/x/${\HTACCESS}}, 'the mistakes in .htaccess') for $httpd, $plain;
$httpd->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /, 'a cipher whose engine is not that of the section');
$_->log->clean for $httpd, $other, $plain;

done_testing;

sub htaccess {
    my ($server, $path, @lines) = @_;
    return $server->write_file("htdocs$path.htaccess", join '', map { "$_\n" } @lines);
}

sub does_not_work {
    my ($server, $name, $word, @lines) = @_;
    htaccess($server, '/x/', @lines);
    subtest ".htaccess: $name" => sub {
        my @log = log_of($server, sub {
            my $res = $server->client->get('/x/', 'X-S' => 'user=joe');
            is($res->status, 500, 'the request fails');
            is($res->token, undef, 'no session is sent');
        });
        like("@log", qr/\.htaccess: .*\Q$word\E/, "error_log says '$word'");
    };
    return;
}
