# Each call of the PKCS#11 library that a start, a request and a restart make fails once, with
# each of four errors. httpd does not start, or it serves; a session is not sealed, or it is.
# No session goes out in clear, no cookie is replaced, no process dies, error_log has a line without
# the PIN, and a moment later sessions open again.
#
# The calls are those of a server with a key for RSA and one for EC. Of a start and a restart,
# some calls fail with some of the errors; SESSION_CRYPTO_FULL=1 has all with all.

use strict;
use warnings;

use POSIX       qw(SIGSEGV);
use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Engines        qw(section);
use SessionCrypto::HardwareToken  ();
use SessionCrypto::Httpd          ();
use SessionCrypto::Preload        qw(preload);
use SessionCrypto::System         qw(run write_file);
use SessionCrypto::Waiting        qw(wait_until);

# A secret: no message may have it.
use constant { PIN => 'S3cr3t-pin', SESSION => 'user=joe' };
# The module looks once a second for a hardware token that is away. Seconds.
use constant { PATIENCE => 10, LONGEST => 5 };
use constant IS_FULL => $ENV{SESSION_CRYPTO_FULL};
# Between two calls that fail.
use constant STEP => IS_FULL ? 1 : 7;
# More calls than anything here makes.
use constant MOST => 2000;

# libp11 0.4.13, which Debian 13 has, may crash after a failed call, in its own code, as it loads
# a key.
use constant CRASHES => (eval { run('dpkg-query', '-W', '-f', '${Version}', 'libengine-pkcs11-openssl') } // '') =~ /\A0\.4\.13\b/;

my %ERROR = (CKR_DEVICE_ERROR => '0x30', CKR_DEVICE_REMOVED => '0x32', CKR_SESSION_HANDLE_INVALID => '0xb3', CKR_HOST_MEMORY => '0x2');

my $files    = SessionCrypto::Httpd->new(name => 'hsm-faults-files')->dir;
my $hardware = SessionCrypto::HardwareToken->new("$files/hsm", pin => PIN);
# Keys that the test has too, to make tokens that the server does not know yet.
my %pair     = (rsa => certificate($files, 'rsa', 'rsa:2048'), ec => certificate($files, 'ec', 'ec:P-256'));
my %key      = map { $_ => SessionCrypto::CertificateJwe->new($pair{$_}->%*) } keys %pair;
$hardware->store_key($_, $pair{$_}{key}) for sort keys %pair;
my $library  = preload($files, 'pkcs11');
my $fault    = "$files/fault";
my $httpd    = SessionCrypto::Httpd->new(name => 'hsm-faults', one_child => 1, session => "SessionEnv On\nSessionHeader X-S\nSessionCookieName session path=/",
    config => join "\n", 'SessionMaxAge 3600', 'SessionCryptoPassphrase ' . PIN, 'SessionCryptoEngine pkcs11',
    map { section("/$_", 'Session On', "SessionCryptoCertificateFile $pair{$_}{certificate}", 'SessionCryptoCertificateKeyFile "' . $hardware->uri($_) . '"') } sort keys %pair);
my $expects = 0;

start();
my @tokens = map { ["/$_", $httpd->client->get("/$_", 'X-S' => SESSION)->token] } sort keys %pair;
for my $path (map { "/$_" } sort keys %pair) {
    my ($name) = $path =~ /(\w+)/;
    each_call("a session of $path", 1, sub { }, sub { $httpd->client->get($path, session => $key{$name}->token(session => SESSION)) }, sub {
        my ($res, $time) = @_;
        return fault_of($path, $res, $time);
    });
}
each_call('a restart', STEP, \&start, \&restart, \&server_fault);
each_call('a start', STEP, sub { $httpd->stop }, \&start, \&server_fault);
$httpd->stop;
start();
is(is_fine(), 1, 'the next server is fine');
$httpd->stop;
$httpd->log->clean;
done_testing;

# Fails one call of some work after another, until there are no more.
sub each_call {
    my ($name, $step, $prepare, $work, $fault_of) = @_;
    my (@wrong, $count, $most);
    my @errors = sort keys %ERROR;
    my $turn = 0;
    for my $error (@errors) {
        for (my $call = 1 + $turn % $step; $call < MOST; $call += $step) {
            $prepare->();
            $httpd->log->clear if $httpd->log;
            write_file($fault, "$call $ERROR{$error}\n");
            chmod 0666, $fault;
            my $start  = time;
            my $result = eval { $work->() };
            push @wrong, "$name, $error at call $call: $@" if $@;
            my $time   = time - $start;
            my $has_failed = !-e $fault;
            unlink $fault;
            last if !$has_failed;
            $most = $call if $call > ($most // 0);
            $count++;
            push @wrong, map { "$name, $error at call $call: $_" } grep { $_ } $fault_of->($result, $time);
            push @wrong, "$name, $error at call $call: a secret" if grep { /S3cr3t/ } $httpd->log->lines;
            push @wrong, "$name, $error at call $call: a crash" if grep { /exit signal/ } $httpd->log->lines;
        }
        # Each error has other calls than the one before it.
        $turn += 2;
    }
    diag($_) for @wrong;
    is_deeply(\@wrong, [], "$name: @{[$count // 0]} failures, of up to @{[$most // 0]} calls");
    return;
}

# The fault of an answer, or ''.
sub fault_of {
    my ($path, $res, $time) = @_;
    return "after $time s" if $time > LONGEST;
    return 'status ' . $res->status if $res->status != 200;
    return 'in clear' if join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user/;
    my $is_whole = $res->body =~ /\A(?:user=joe|expiry=)/ || defined $res->token;
    my @lines    = $httpd->log->lines(qr/\[session_crypto:error\]/);
    return "no line, and no session: " . $res->body if !$is_whole && !@lines;
    return 'no session a moment later' if !wait_until(\&is_fine, PATIENCE);
    return 'another cookie' if defined $res->token && $httpd->client->get($path, session => $res->token)->body !~ /\buser=joe/;
    return '';
}

# The fault of a server after a start or restart, or ''.
sub server_fault {
    if ($httpd->has_ended) {
        my $signal = ($httpd->status // 0) & 127;
        return '' if $signal == SIGSEGV && CRASHES;
        return "httpd has died of signal $signal" if $signal;
        return 'httpd does not say why it ends' if !grep { /\bSC\d{4}: / } $httpd->log->lines, split /\n/, $httpd->stderr;
        return 'a secret' if $httpd->stderr =~ /S3cr3t/;
        return '';
    }
    for my $pair (@tokens) {
        my ($path, $token) = @$pair;
        my $res = $httpd->client->get($path, session => $token);
        return "$path: status " . $res->status if $res->status != 200;
        return "$path: in clear" if join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user/;
    }
    return wait_until(\&is_fine, PATIENCE) ? '' : 'no session a moment later';
}

sub is_fine {
    return !grep { $httpd->client->get($_->[0], session => $_->[1])->body !~ /\buser=joe/ } @tokens;
}

sub start {
    return if !$httpd->has_ended;
    # A server that has failed has left it.
    unlink $httpd->dir . '/httpd.pid';
    $httpd->log->clear if $httpd->log;
    local $ENV{PKCS11_MODULE_PATH}    = $library;
    local $ENV{SESSION_CRYPTO_PKCS11} = $hardware->library;
    local $ENV{SESSION_CRYPTO_FAULT}  = $fault;
    my $is_up = eval { $httpd->start; 1 };
    if (!$expects++) {
        $httpd->log->expect(qr/\[(?:session|session_crypto|core|)?:(?:emerg|alert|crit|error|warn)\]/, 'what fails');
        $httpd->log->expect(qr/\AAH00(?:016|526): |\ASC\d{4}: /, 'what fails at a line of the configuration');
        $httpd->log->expect(qr/AH03490: /, 'a restart, where the one place for a child is not free yet');
        $httpd->log->expect(qr/\[session_crypto:notice\] .*SC0534: /, 'what follows a restart');
    }
    wait_until(sub { $httpd->has_ended || $httpd->log->lines(qr/resuming normal operations/) }, PATIENCE) if $is_up;
    return;
}

sub restart {
    my %former = map { $_ => 1 } $httpd->children;
    kill USR1 => $httpd->pid;
    wait_until(sub { $httpd->has_ended || $httpd->log->lines(qr/resuming normal operations/) && !grep { $former{$_} } $httpd->children }, PATIENCE);
    return;
}
