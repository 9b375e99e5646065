# Each call of OpenSSL that a request makes fails once, in each format; then each
# function fails for as long as a request takes. No cookie is replaced and nothing goes
# out in clear. The log blames this host and not the token. The next request with the
# same cookie succeeds. A browser that proves its device is asked to come again.

use strict;
use warnings;

use File::Copy qw(copy);
use FindBin    ();
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate key_in);
use SessionCrypto::DeviceRequests ();
use SessionCrypto::Engines        qw(section);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            ();
use SessionCrypto::System         qw(read_file);

use constant { SESSION => 'user=joe', MAX_CALLS => 40, MAX_TOKENS => 400, MAX_LINES => 4 };

# Functions of which no request can see a failure.
my %LEFT_OUT = (
    'frees, counts references or reads what is at hand' => qr/_free(?:_all)?\z|_up_ref\z|_get0?_(?!pubkey|digestbyname)|_get0\z|_getm_|\AOBJ_|\AERR_|\AOPENSSL_sk_|\AEVP_sha|\AUI_/,
    'takes over what it is given, which is there'       => qr/\AECDSA_SIG_set0\z/,
    'sets a bit'                                        => qr/\AEVP_(?:CIPHER_CTX_set_(?:flags|padding)|MD_CTX_set_flags)\z/,
    'computes in memory that it is given'               => qr/\ASHA256_/,
    'runs when the module is loaded'                    => qr/\AOPENSSL_init_/,
    'reads files and algorithms of the server configuration, before a request' =>
        qr/\APEM_read_bio_|\APKCS12_parse\z|\AEVP_MD_fetch\z|\ACONF_|\AEVP_get_digestbyname\z|\AEVP_Q_digest\z/,
    'compares dates for a warning at startup'           => qr/\AASN1_TIME_/,
    'carries news of ended sessions, in a process that answers no request' =>
        qr/\ABIO_(?!new_mem_buf\z)|\ATLS_|\ASSL_|\AX509_(?:STORE|VERIFY_PARAM|verify_cert_error)_/,
    'is for engines and providers, whose failures t/hsm-failures.t has' =>
        qr/\AENGINE_|\AOSSL_|\AEVP_PKEY_set1_engine\z|\AEVP_Digest(?:Init_ex|Update|Final(?:_ex)?)\z|\AEVP_MD_CTX_copy_ex\z/,
);

my $work  = SessionCrypto::Httpd->new(name => 'faults-files')->dir;
my $fault = "$work/fault";
my @names = compile("$FindBin::Bin/faults", "$work/faults.so");

my %imported = map { $_ => 1 } imports();
my %fails    = map { $_ => 1 } @names;
cmp_ok(scalar keys %imported, '>', 50, 'the module uses functions of OpenSSL');
is_deeply([grep { my $name = $_; !$fails{$name} && !grep { $name =~ $_ } values %LEFT_OUT } sort keys %imported], [],
    'and each fails below, or has a reason not to');

my %pair = (rsa => certificate($work, 'rsa', 'rsa:2048'), ec => certificate($work, 'ec', 'ec:P-256'), other => certificate($work, 'other', 'ec:P-256'));
my %key  = map { $_ => SessionCrypto::CertificateJwe->new(%{ $pair{$_} }) } sort keys %pair;
my $jwe  = SessionCrypto::Jwe->new(passphrase => 'secret');
my $max  = 'SessionMaxAge 3600';
my $c    = SessionCrypto::Httpd->new(name => 'faults-c', module => 'c', config => "$max\nSessionCryptoPassphrase secret")->start;

# Sessions are on where they are encrypted, and nowhere else.
my $session = "SessionEnv On\nSessionHeader X-S\nSessionCookieName session path=/";
my $httpd   = SessionCrypto::Httpd->new(name => 'faults', one_child => 1, session => $session, config => join "\n", $max,
    section('/classic', 'Session On', 'SessionCryptoPassphrase secret'),
    section('/jwe', 'Session On', 'SessionCryptoPassphrase secret', 'SessionCryptoCipher aes-256-gcm'),
    # Browsers register over TLS, which ends before this server.
    'ServerName https://127.0.0.1',
    section('/device', 'Session On', 'SessionCryptoPassphrase secret', 'SessionCryptoCipher aes-256-gcm',
        'SessionCryptoDevice enforce', 'SessionCryptoDevicePath /device/end'),
    section('/device/end', 'SetHandler session-crypto-device'),
    section('/life', 'Session On', 'SessionCryptoPassphrase secret', 'SessionCryptoCipher aes-256-gcm', 'SessionCryptoMaxLifetime 1h'),
    map { section("/$_", 'Session On', "SessionCryptoCertificateFile $pair{$_}{certificate}", "SessionCryptoCertificateKeyFile $pair{$_}{key}") } qw(rsa ec));
{
    local $ENV{LD_PRELOAD}           = "$work/faults.so";
    local $ENV{SESSION_CRYPTO_FAULT} = $fault;
    $httpd->start;
}
$httpd->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /, 'a call that failed');
$httpd->log->expect(qr/\[core:alert\] .* could not be looked at: OpenSSL failed/, 'a call that failed while a file was read');
$httpd->log->expect(qr/\[session_crypto:info\] .* SC08(?:44|51): re\w+ not judged: .* cannot be opened now$/, 'a call that failed at an endpoint');
$httpd->log->expect(qr/\[session_crypto:info\] .* SC0821: session refused because of its device/, 'a call that failed at a bound cookie');
my $client = $httpd->client;

# Each makes tokens under keys that the server does not know yet, because it keeps known
# keys and does not make them again.
my $day = $jwe->day;
my %sealed = (
    '/classic' => sub { $c->client->get('/', 'X-S' => SESSION)->token },
    '/jwe'     => sub { $jwe->token(session => SESSION, day => --$day) },
    '/rsa'     => sub { $key{rsa}->token(session => SESSION) },
    '/ec'      => sub { $key{ec}->token(session => SESSION) },
);
my %failed;
for my $path (sort keys %sealed) {
    each_call($path, sub {
        my ($name) = @_;
        my $token = $sealed{$path}->();
        my ($res, @log) = armed($name, sub { $client->get($path, session => $token) }) or return;
        my $next = $client->get($path, session => $token);
        return is_harmless($name, $path, $res, $next, \@log, 200);
    });
}

# A login draws the name of its session. Without one, the session is not saved.
each_call('/life', sub {
    my ($name) = @_;
    my $login = sub { $client->get('/life', 'X-S' => SESSION) };
    my ($res, @log) = armed($name, $login) or return;
    return login_is_harmless($res, $login->(), \@log);
});
ok(defined $failed{'/life RAND_bytes'}, 'random bytes were missing at a login');

# A browser deletes its side of a session at another status than 503. A session whose bound
# cookie does not open is not replaced.
for my $kind ('P-256', 'rsa:2048') {
    my $device            = SessionCrypto::DeviceRequests->new($client, $kind, SESSION);
    my ($session, $bound) = ($device->token, $device->bound);
    my $look = sub { $client->get('/device', Cookie => "session=$session; $bound") };
    is($look->()->body =~ s/&?expiry=\d+//r, SESSION, "a session that is bound to a key of $kind");
    for (["a registration of $kind", sub { $device->register }], ["a refresh of $kind", sub { $device->refresh }]) {
        my ($name, $request) = @$_;
        each_call($name, sub {
            my ($res, @log) = armed($_[0], $request) or return;
            my $blames = grep { /\[session_crypto:error\] .*OpenSSL failed/ } @log;
            return 'status ' . $res->status if $res->status != 200 && $res->status != 503;
            return "error_log: @log" if $res->status == 503 && !$blames;
            return $request->()->status == 200 ? '' : 'the next one';
        });
    }
    each_call("a look of $kind", sub {
        my ($res) = armed($_[0], $look) or return;
        return 'status ' . $res->status if $res->status != 200;
        my $token = $res->token // $session;
        my $after = $client->get('/device', Cookie => "session=$token; $bound");
        return $after->body =~ /\A(?:expiry=\d+&)?user=joe/ ? '' : 'a session of ' . $after->body;
    });
}

# A request reads the certificates and keys of .htaccess, and makes a signature. It
# reads files again after a change. Failures there answer 500.
my %FORM = (
    rsa => ['PKCS#8 in DER',         'rsa', qr/./],
    ec  => ['traditional',           'ec',  qr/./],
    # Only the calls that the other forms do not make: the module tries a bounded number
    # of passphrases for one author.
    'ec-older'     => ['encrypted traditional', 'ec', qr/\APEM_/],
    'ec-encrypted' => ['encrypted PKCS#8',      'ec', qr/\A(?:BIO|PEM|d2i)_/],
);
for my $form (sort keys %FORM) {
    my ($how, $kind, $calls) = @{ $FORM{$form} };
    key_in($how, $pair{$kind}, "$work/$form-files.in", $how =~ /encrypted/ ? 'secret' : undef);
    $httpd->write_file("htdocs/$form-files/.htaccess", join "\n", 'Session On', "SessionCryptoCertificateFile $work/$form-files.pem",
        "SessionCryptoCertificateKeyFile $work/other.key $work/$form-files.key", "SessionCryptoPassphrase secret\n");
    my $path = "/$form-files/";
    each_call($path, sub {
        my ($name) = @_;
        return if $name !~ $calls;
        # New files, by their inodes.
        renew($pair{$kind}{certificate}, "$work/$form-files.pem");
        renew("$work/$form-files.in",    "$work/$form-files.key");
        my $token = $key{$kind}->token(session => SESSION);
        my ($res, @log) = armed($name, sub { $client->get($path, session => $token) }) or return;
        my $next = $client->get($path, session => $token);
        # These calls are made again, and nobody notices.
        return '' if $name =~ /\A(?:EVP_PKEY_get1_EC_KEY|X509_get_pubkey) [1-9]/ && $res->status == 200 && $res->body =~ /\Auser=joe/ && $next->body =~ /\Auser=joe/;
        return is_harmless($name, $path, $res, $next, \@log, 200, 500);
    });
}
is_deeply([grep { !$failed{$_} && $imported{$_} } @names], [], 'each of them has failed in some request');

$c->stop;
$httpd->stop;
$httpd->log->clean;

done_testing;

# Fails the first call of each function, then the second, until there are no more; and
# then all of them.
sub each_call {
    my ($path, $fails) = @_;
    my @wrong;
    my $count = 0;
    for my $name (@names) {
        for my $call (1 .. MAX_CALLS, 0) {
            next if $call > 1 && ($failed{"$path $name"} // 0) < $call - 1;
            my @said = $fails->("$name $call") or next;
            $failed{"$path $name"} = $call;
            $failed{$name} = 1;
            $count++;
            push @wrong, map { "$name, call $call: $_" } grep { $_ } @said;
        }
    }
    diag($_) for @wrong;
    is_deeply(\@wrong, [], "$path: $count calls that fail harm nobody");
    return;
}

# The answer of a request in which a call failed, and the lines of error_log. Empty if
# there was no such call.
sub armed {
    my ($name, $request) = @_;
    open my $file, '>', $fault or die "$fault: $!\n";
    print {$file} "$name\n";
    close $file or die "$fault: $!\n";
    $httpd->log->clear;
    my $res;
    my $has_failed = sub { !-e $fault || read_file($fault) =~ /failed/ };
    # The module draws random bytes for many tokens at once.
    for (1 .. ($name =~ /\ARAND_bytes [01]\z/ ? MAX_TOKENS : 1)) {
        $res = $request->();
        last if $has_failed->();
    }
    my $failed = $has_failed->();
    unlink $fault;
    return $failed ? ($res, $httpd->log->lines) : ();
}

# The fault of an answer, or ''.
sub is_harmless {
    my ($name, $path, $res, $next, $log, @statuses) = @_;
    my $most = $name =~ / 0\z/ ? MAX_LINES : 1;
    my ($status, $token) = ($res->status, $res->token);
    my @lines   = grep { /\[session_crypto:(?!debug)/ || /\[core:alert/ } @$log;
    my @blaming = grep { /OpenSSL failed/ } @lines;
    return "status $status" if !grep { $_ == $status } @statuses;
    my $replaced = defined $token ? $client->get($path, session => $token)->body : SESSION;
    return "a cookie of '$replaced'" if $replaced !~ /\Auser=joe\b/;
    return 'a body: ' . $res->body if $status == 200 && $res->body !~ /\A(?:user=joe\b|expiry=\d+\z|\z)/;
    return 'in clear' if join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user=joe/;
    return "error_log: @lines" if !@lines || @blaming != @lines || @lines > $most;
    return 'the next request: ' . $next->status if $next->status != 200 || $next->body !~ /\Auser=joe/ || !$next->token;
    return '';
}

# The fault of a login, or of the next one, or ''.
sub login_is_harmless {
    my ($res, $next, $log) = @_;
    return 'status ' . $res->status if $res->status != 200;
    my $token = $res->token;
    return "in clear: $token" if ($token // '') =~ /user=joe/;
    return 'a token that does not open' if defined $token && $client->get('/life', session => $token)->body !~ /\Auser=joe/;
    my @lines = grep { /\[session_crypto:(?!debug)/ } @$log;
    return "error_log: @lines" if !defined $token && !grep { /session not sealed, and not saved: OpenSSL failed/ } @lines;
    return 'the next login' if $client->get('/life', session => $next->token // '')->body !~ /\Auser=joe/;
    return '';
}

sub renew {
    my ($from, $to) = @_;
    copy($from, "$to.new") && rename "$to.new", $to or die "$to: $!\n";
    return;
}

# Compiles the shim, and returns the names of its functions.
sub compile {
    my ($sources, $library) = @_;
    system($ENV{CC} // 'cc', '-Wall', '-shared', '-fPIC', '-o', $library, "$sources/faults.c", '-lcrypto') == 0 or die "no $library\n";
    chmod 0755, $library or die "$library: $!\n";
    open my $file, '<', "$sources/openssl.h" or die "openssl.h: $!\n";
    return map { /^FAULT\((\w+),/ } <$file>;
}

# The functions of OpenSSL that the module imports.
sub imports {
    my $module = SessionCrypto::Httpd::env('MODULE');
    my @lines  = qx(nm -D --undefined-only '$module');
    die "nm $module: $?\n" if $?;
    return map { /\bU ((?:ASN1|BIO|BN|CONF|CRYPTO|ECDSA|EC|ENGINE|ERR|EVP|HMAC|OBJ|OPENSSL|OSSL|PEM|PKCS\d*|RAND|RSA|SHA\d*|UI|X509|d2i|i2d)_\w+)/ } @lines;
}
