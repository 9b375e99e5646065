# With OpenSSL's FIPS provider, and no other that has algorithms, sessions are sealed and opened
# as docs/fips.md says: each row of its tables is shown. Servers without the provider and JOSE
# libraries read these tokens, and the other way round. What the provider refuses, `httpd -t`
# refuses, and says what to write; without the provider nothing starts.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use SessionCrypto::Certificates qw(certificate key_in openssl);
use SessionCrypto::Classic      ();
use SessionCrypto::Device       ();
use SessionCrypto::Engines      qw(is_rejected);
use SessionCrypto::Fips         qw(fips_conf need_fips rows);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_set random_key);
use SessionCrypto::Programs     qw(programs);
use SessionCrypto::System       qw(read_file run);

need_fips();

use constant PASSPHRASE => 'S3cr3t-passphrase-of-fips-tests';

# The keys and certificates of all servers, made without the provider.
my $files       = SessionCrypto::Httpd->new(name => 'fips-files');
my $dir         = $files->dir;
my %pair        = map { $_ => certificate($dir, $_, s/-/:/r) } qw(rsa-2048 rsa-3072 ec-P-256 ec-P-384 ec-P-521);
my $passphrases = $files->write_file('passphrases', PASSPHRASE . "\n", 0600);
my %key_file    = map { $_ => $files->write_file("keys-$_", key_set(key("k$_", k => random_key($_))), 0600) } 16, 24, 32;
my %form        = map { $_ => key_in($_, $pair{'rsa-2048'}, "$dir/" . s/\W+/-/gr, PASSPHRASE) }
    'encrypted PKCS#8', 'encrypted traditional', 'PKCS#12';
my @protect = ('-passout', 'pass:' . PASSPHRASE);
openssl(qw(pkcs8 -topk8 -v1 PBE-SHA1-3DES), @protect, '-in', $pair{'rsa-2048'}{key}, '-out', $form{PBES1} = "$dir/pbes1");
openssl(qw(pkcs12 -export -pbmac1_pbkdf2), @protect, '-inkey', $pair{'rsa-2048'}{key}, '-in', $pair{'rsa-2048'}{certificate},
    '-out', $form{PBMAC1} = "$dir/pbmac1.p12");

my %conf        = map { $_ => fips_conf($dir, map { ($_ => 1) } grep { $_ ne 'fips' } split /-/) }
    qw(fips strict beside broken missing lax-beside late late-missing);

my $SECRET = qq(SessionCryptoPassphraseFile "$passphrases"\n);

# Row of 'In the provider' => name of a section => its lines
my %WORKS = (
    jwe          => { map { ($_ => "${SECRET}SessionCryptoCipher $_") } qw(aes-128-gcm aes-192-gcm aes-256-gcm) },
    'key-file'   => { map { ("set-$_" => qq(SessionCryptoKeyFile "$key_file{$_}")) } keys %key_file },
    rsa          => { map { ($_ => certified($_)) } qw(rsa-2048 rsa-3072) },
    'rsa-sha1'   => { 'rsa-sha1' => certified('rsa-2048') . 'SessionCryptoDigest SHA' },
    ec           => { map { ($_ => certified($_)) } qw(ec-P-256 ec-P-384 ec-P-521) },
    classic      => { map { ($_ => "${SECRET}SessionCryptoCipher $_") } qw(aes128 aes192 aes256) },
    digest       => { map { ($_ => "${SECRET}SessionCryptoDigest $_") } qw(SHA256 SHA384 SHA512 SHA3-256) },
    'triple-des' => { 'triple-des' => "${SECRET}SessionCryptoCipher 3des192" },
    pkcs8        => { pkcs8  => $SECRET . certified('rsa-2048', $form{'encrypted PKCS#8'}) },
    pbmac1       => { pbmac1 => qq(${SECRET}SessionCryptoCertificateFile "$form{PBMAC1}") },
);

# Row of 'Refused' => openssl.cnf => name => [directive of the line at fault, words, lines]
my %REFUSED = (
    cipher              => { fips => ciphers(qw(camellia-256-cbc aria-128-cbc sm4-cbc)) },
    'other-digest'      => { fips => digests(qw(MD5 SM3 RIPEMD160 BLAKE2b512)) },
    'strict-triple-des' => { strict => { '3DES alone' => ['SessionCryptoCipher', 'write aes256 or aes-256-gcm before it', "${SECRET}SessionCryptoCipher 3des192"] } },
    traditional         => { fips => key_file('encrypted traditional') },
    pbes1               => { fips => key_file('PBES1') },
    pkcs12              => { fips => { 'PKCS#12' => ['SessionCryptoCertificateFile', 'openssl pkcs8 -topk8', qq(${SECRET}SessionCryptoCertificateFile "$form{'PKCS#12'}")] } },
    legacy              => { fips => { cast5 => ['SessionCryptoCipher', 'unknown cipher', "${SECRET}SessionCryptoEngine provider:legacy\nSessionCryptoCipher cast5-cbc"] } },
);

my $sections = join '', map {
    my $row = $_;
    map { "<Location /$row/$_>\n$WORKS{$row}{$_}\n</Location>\n" } sort keys %{ $WORKS{$row} }
} sort keys %WORKS;

my $plain  = SessionCrypto::Httpd->new(name => 'fips-without', config => $sections)->start;
my %server = (
    fips   => under('fips',   $sections),
    beside => under('beside', $sections),
    # The first cipher seals, and 3DES may not.
    strict => under('strict', $sections =~ s/Cipher 3des192/Cipher aes256 3des192/r),
);

my $works = rows('In the provider');
is_deeply([sort keys %$works], [sort(keys %WORKS, qw(device users))], 'each row of "In the provider" has a case');
for my $row (sort keys %WORKS) {
    for my $name (sort keys %{ $WORKS{$row} }) {
        my $path  = "/$row/$name";
        my $token = $plain->client->get($path, 'X-S' => 'user=joe')->token;
        ok($token, "$path: sealed without the provider");
        for my $kind (sort keys %server) {
            my $client = $server{$kind}->client;
            is($client->get($path, session => $token)->body, 'user=joe', "$kind: opened");
            my $sealed = $client->get($path, 'X-S' => 'user=jane')->token // '';
            unlike($sealed, qr/jane/, 'what it seals is not in clear');
            is($client->get($path, session => $sealed)->body, 'user=jane', 'and opens here');
            next if $kind eq 'strict' && $row eq 'triple-des';
            is($plain->client->get($path, session => $sealed)->body, 'user=jane', 'and without the provider');
        }
    }
}

subtest 'users' => sub {
    my @kinds = qw(rsa-2048 ec-P-256 ec-P-521);
    for my $conf (qw(fips strict)) {
        my $lines = join '', "SessionCryptoRevocation on\n", map { "<Location /$_>\n" . certified($_) . "</Location>\n" } @kinds;
        my $httpd = under($conf, <<"END", one_child => 1, echo => '^/(?!.*/out$)');
$lines
<LocationMatch "/out\$">
    SetHandler session-crypto-end-sessions
</LocationMatch>
END
        for my $kind (@kinds) {
            my $client = $httpd->client;
            my ($joe, $jane) = map { $client->get("/$kind", 'X-S' => "user=$_")->token } qw(joe jane);
            is($client->post("/$kind/out", undef, session => $joe)->status, 204, "$conf: a user ends all sessions, under $kind");
            is($client->get("/$kind", session => $joe)->body,  '',          'they do not open');
            is($client->get("/$kind", session => $jane)->body, 'user=jane', 'and those of others do');
        }
        $httpd->stop;
        $httpd->log->expect(qr/SC0610/,                     'the list of ended sessions has no file');
        $httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'sessions that have ended');
        $httpd->log->clean;
    }
};

subtest 'JOSE libraries' => sub {
    local @ENV{qw(SESSION_PASSPHRASE_FILE SESSION_KEY_SET_FILE)} = ($passphrases, $key_file{32});
    jose('session', '/jwe/aes-256-gcm');
    jose('key-set', '/key-file/set-32');
    for my $path ('/rsa/rsa-2048', '/ec/ec-P-256') {
        my ($name) = $path =~ m{([^/]+)$};
        local @ENV{qw(SESSION_CERTIFICATE_FILE SESSION_KEY_FILE)} = @{ $pair{$name} }{qw(certificate key)};
        jose('certificate', $path);
    }
};

subtest 'device' => sub {
    plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');
    for my $conf (qw(fips strict)) {
        my $httpd = under($conf, <<"END", tls => 1, one_child => 1, echo => '^/(?!session-device)');
${SECRET}SessionCryptoCipher aes-256-gcm
SessionCryptoRevocation on
SessionCryptoDevice enforce
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
END
        my $says = qr/AH01884: OpenSSL has FIPS mode enabled/;
        cmp_ok(scalar(() = $httpd->log->lines($says)), '>=', 1, "$conf: mod_ssl says that FIPS is on");
        for my $kind ('P-256', 'rsa:2048') {
            my $device = SessionCrypto::Device->new(servers => [$httpd], kind => $kind);
            $device->get('/', 'X-S' => 'user=joe');
            is_deeply([map { $_->[0] eq 'register' ? $_->[1] : () } $device->happenings], ['registered'], "a key of $kind registers") or next;
            my ($session) = $device->sessions;
            is($device->refresh($session),      'refreshed', 'and refreshes');
            is($device->get('/')->body,         'user=joe',  'and the session opens');
        }
        $httpd->stop;
        $httpd->log->expect($says,    'that it is on');
        $httpd->log->expect(qr/SC0610/, 'the list of ended sessions has no file');
        $httpd->log->clean;
    }
};

subtest 'htsession' => sub {
    my @command = (SessionCrypto::Httpd::env('HTSESSION'));
    my $input   = $files->write_file('session', 'user=jane');
    my %SECTION = (
        '/jwe/aes-256-gcm'  => ['--cipher', 'aes-256-gcm', '-p', $passphrases],
        '/classic/aes256'   => ['--cipher', 'aes256',      '-p', $passphrases],
        '/key-file/set-32'  => ['-k', $key_file{32}],
        '/rsa/rsa-2048'     => ['-c', $pair{'rsa-2048'}{certificate}, '-K', $pair{'rsa-2048'}{key}],
        '/ec/ec-P-521'      => ['-c', $pair{'ec-P-521'}{certificate}, '-K', $pair{'ec-P-521'}{key}],
    );
    for my $path (sort keys %SECTION) {
        my $token = $plain->client->get($path, 'X-S' => 'user=joe')->token;
        local $ENV{OPENSSL_CONF} = $conf{strict};
        is(run(@command, 'open', @{ $SECTION{$path} }, '--raw', $token), 'user=joe', "the command opens: $path");
        my ($made) = run('sh', '-c', "exec \"\$@\" <'$input'", 'sh', @command, 'seal', @{ $SECTION{$path} }) =~ /^(\S+)$/m;
        is($plain->client->get($path, session => $made)->body, 'user=jane', 'and seals');
    }
};

my $outside = rows('Outside of the provider');
is_deeply([sort keys %$outside], ['mac'], 'each row of "Outside of the provider" has a case');
subtest 'mac' => sub {
    my ($key, $client) = (SessionCrypto::Classic->new(passphrase => PASSPHRASE), $server{strict}->client);
    is($client->get('/classic/aes256', session => $key->token('user=joe'))->body, 'user=joe', 'a MAC under an MD5, which the provider does not have');
    is($key->open($client->get('/classic/aes256', 'X-S' => 'user=jane')->token), 'user=jane', 'and the other way');
};

for my $kind (sort keys %server) {
    is_deeply([grep { !has_provider($_) } $server{$kind}->children], [], "$kind: each child has loaded the provider");
}
is_deeply([grep { has_provider($_) } $plain->children], [], 'and none of the server without');
for my $server ($plain, values %server) {
    $server->stop;
    $server->log->clean;
}

my $refused = rows('Refused');
is_deeply([sort keys %$refused], [sort(keys %REFUSED, 'broken')], 'each row of "Refused" has a case');
for my $row (sort keys %REFUSED) {
    my $code = code_of($row);
    for my $conf (sort keys %{ $REFUSED{$row} }) {
        for my $name (sort keys %{ $REFUSED{$row}{$conf} }) {
            my ($directive, $words, $lines) = @{ $REFUSED{$row}{$conf}{$name} };
            my $httpd = SessionCrypto::Httpd->new(name => 'fips-refused', config => $lines);
            {
                local $ENV{OPENSSL_CONF} = $conf{$conf};
                is_rejected($httpd, "$row: $name", $directive, $words);
                like(($httpd->check)[1], qr/\b$code: /, "its code is $code");
            }
            my ($ok, $output) = $httpd->check;
            ok($ok, 'and is right without the provider') or diag($output);
        }
    }
}

subtest 'broken' => sub {
    my $code = code_of('broken');
    for my $conf (qw(broken missing)) {
        local $ENV{OPENSSL_CONF} = $conf{$conf};
        my $httpd = SessionCrypto::Httpd->new(name => 'fips-broken', config => "${SECRET}SessionCryptoCipher aes-256-gcm");
        my ($ok, $output) = $httpd->check;
        ok(!$ok, "$conf: httpd -t fails");
        like($output, qr{\b$code: OpenSSL lacks .*openssl list -providers}, 'and says where to look');
        ok(!eval { $httpd->start; 1 }, 'and httpd does not start');
    }
};

my %WAYS = (
    engine  => ['lax-beside',   'SessionCryptoEngine provider:fips'],
    sslfips => ['lax-beside',   load_module('ssl') . 'SSLFIPS on'],
    late    => ['late-missing', ''],
);
is_deeply([sort keys %{ rows('What does not switch it on?') }], [sort keys %WAYS], 'each row of "What does not switch it on?" has a case');
for my $row (sort keys %WAYS) {
    my ($conf, $lines) = @{ $WAYS{$row} };
    my $httpd = under($conf, "$lines\n${SECRET}SessionCryptoCipher camellia-256-cbc");
    my $token = $httpd->client->get('/', 'X-S' => 'user=joe')->token;
    is($httpd->client->get('/', session => $token)->body, 'user=joe', "$row: a cipher works that the provider does not have");
    unlike($token, qr/joe/, 'and the session is not in clear');
    $httpd->stop;
    $httpd->log->expect(qr/AH01884|AH01873|AH01882/, 'mod_ssl says that FIPS is on, and what it lacks');
    $httpd->log->clean;
}
{
    local $ENV{OPENSSL_CONF} = $conf{late};
    my $httpd = SessionCrypto::Httpd->new(name => 'fips-late', config => "${SECRET}SessionCryptoCipher camellia-256-cbc");
    is_rejected($httpd, 'late: it works while fipsmodule.cnf is there', 'SessionCryptoCipher', 'unknown cipher');
}

done_testing;

# A running server under an openssl.cnf.
sub under {
    my ($conf, $config, %args) = @_;
    local $ENV{OPENSSL_CONF} = $conf{$conf};
    return SessionCrypto::Httpd->new(name => "fips-$conf", config => $config, %args)->start;
}

# Asserts that programs without the provider open what a strict one has sealed, and make what
# it opens.
sub jose {
    my ($kind, $path) = @_;
    my $client = $server{strict}->client;
    my $token  = $client->get($path, 'X-S' => 'user=joe')->token // '';
    for my $program (programs($kind, $dir)) {
        my ($opened) = $program->run($token, 'open');
        is($opened =~ s/\s+\z//r, 'user=joe', $program->name . " opens: $path");
        # Perl's library makes none for a certificate.
        next if $kind eq 'certificate' && $program->name =~ /Perl/;
        my ($made) = $program->run('user=jane', 'make', 'A256GCM');
        is($client->get($path, session => $made =~ s/\s+\z//r)->body, 'user=jane', 'and makes one that the provider opens');
    }
    return;
}

sub load_module {
    my ($name) = @_;
    my $modules = dirname(SessionCrypto::Httpd::env('C_MODULE'));
    return qq(LoadModule ${name}_module "$modules/mod_$name.so"\n);
}

sub has_provider { return read_file("/proc/$_[0]/maps") =~ m{/fips\.so$}m }

sub code_of {
    my ($row) = @_;
    my ($code) = ($refused->{$row}[1] // '') =~ /(SC\d{4})/ or die "docs/fips.md: '$row' has no code\n";
    return $code;
}

sub certified {
    my ($name, $key) = @_;
    $key //= $pair{$name}{key};
    return qq(SessionCryptoCertificateFile "$pair{$name}{certificate}"\nSessionCryptoCertificateKeyFile "$key"\n);
}

sub ciphers {
    return { map { ($_ => ['SessionCryptoCipher', 'unknown cipher', "${SECRET}SessionCryptoCipher $_"]) } @_ };
}

sub digests {
    return { map { ($_ => ['SessionCryptoDigest', 'unknown digest', "${SECRET}SessionCryptoDigest $_"]) } @_ };
}

sub key_file {
    my ($form) = @_;
    return { $form => ['SessionCryptoCertificateKeyFile', 'openssl pkcs8 -topk8', $SECRET . certified('rsa-2048', $form{$form})] };
}
