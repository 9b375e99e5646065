# A panic in any function that httpd calls is contained, as httpd starts, serves, reads its
# files, restarts and stops: no process aborts, no session goes out in clear, no cookie is
# destroyed, error_log has a line without a secret, and the next request is fine. The same
# holds at the end of a function, when its work is done, and under each lock.
#
# The functions and locks are those of the source, each of which a panic must reach.

use strict;
use warnings;

use FindBin    ();
use Test::More;
use Time::HiRes qw(sleep);

use SessionCrypto::Certificates qw(certificate key_in);
use SessionCrypto::DeviceRequests ();
use SessionCrypto::Engines      qw(section);
use SessionCrypto::Httpd        ();
use SessionCrypto::Jwe          ();
use SessionCrypto::KeySets      qw(key key_set);
use SessionCrypto::Planted      ();
use SessionCrypto::Preload      qw(preload);
use SessionCrypto::Store        ();
use SessionCrypto::Waiting      qw(wait_until);

use constant { SESSION => 'user=joe', PATIENCE => 30, SOON => 4 };
# Panics come the first and the last time that a place is passed, or each time; beside requests,
# up to the twelfth time, because some locks are taken for each thread.
use constant IS_FULL => $ENV{SESSION_CRYPTO_FULL};
use constant { TIMES => IS_FULL ? 12 : 1, TIMES_OF_REQUEST => IS_FULL ? 1000 : 1 };

# Places that no panic reaches here, each with its reason.
my %LEFT_OUT = (
    'core/src/libcrypto/pin\.rs: answer' => 'OpenSSL calls it; it copies bytes, in code that cannot panic',
    'core/src/engine/hardware\.rs:\d+ handles' => 'takes a hardware token',
    'core/src/certificate/sources\.rs:\d+ uris' => 'takes a hardware token',
    'src/keys_ahead\.rs:\d+ failure' => 'is taken where OpenSSL fails',
);

my $files   = SessionCrypto::Httpd->new(name => 'panics-files')->dir;
my $planted = SessionCrypto::Planted->new($files);
my $haste   = preload($files, 'haste');
my $store   = SessionCrypto::Store->new;
my $jwe     = SessionCrypto::Jwe->new(passphrase => 'secret');
my $rsa     = certificate($files, 'rsa', 'rsa:2048');
my $c       = SessionCrypto::Httpd->new(name => 'panics-c', module => 'c', config => "SessionMaxAge 3600\nSessionCryptoPassphrase secret")->start;
my $serial  = 0;
my $httpd   = server();
new_keys();
my %come;

# The work of httpd beside requests, each in turn with the same server.
my @DOINGS = (
    start   => sub { start() },
    # One of the new keys ends soon, and is wiped.
    look    => sub { new_keys(exp => 1 + int time); wait_until(sub { $planted->has_come }, SOON) },
    death   => sub { kill KILL => $httpd->agent // return; wait_until(sub { $httpd->log->lines(qr/SC0613|SC059/) }, PATIENCE) },
    restart => sub { graceful() },
    stop    => sub { $httpd->stop },
);
doings();
requests();
is(join(' ', sort map { $_->{name} } grep { !is_left_out($_->{name}) && !is_reached($_) } SessionCrypto::Planted::entries()), '',
    'a panic has come in each function that httpd calls, and at each other guard');
is(join(' ', sort map { $_->{place} } grep { !is_left_out("$_->{place} $_->{lock}") && !$come{"$_->{place} held"} } SessionCrypto::Planted::locks()), '', 'and under each lock');

$c->stop;
$httpd->stop;
done_testing;

sub is_left_out { my ($name) = @_; return grep { $name =~ /\A$_\z/ } keys %LEFT_OUT }

sub is_reached {
    my ($entry) = @_;
    my %moments;
    for (keys %come) {
        my ($file, $line, $moment) = /\A(.*):(\d+) (\w+)\z/;
        $moments{$moment} = 1 if $file eq $entry->{file} && $line >= $entry->{from} && $line <= $entry->{to};
    }
    return $moments{begin} && $moments{end};
}

# A panic at each place that httpd passes beside requests.
sub doings {
    my @doings = @DOINGS;
    my %passed;
    while (my ($name, $work) = splice @doings, 0, 2) {
        # A server at work.
        start() if $name ne 'start' && $httpd->has_ended;
        $httpd->log->clear if $httpd->log;
        $passed{$name} = { $planted->passed($work) };
    }
    @doings = @DOINGS;
    while (my ($name, $work) = splice @doings, 0, 2) {
        my (@wrong, $count);
        for my $line (lines_of($passed{$name}, TIMES)) {
            $httpd->stop if $name eq 'start' || !is_fine();
            start() if $name ne 'start' && $httpd->has_ended;
            $httpd->log->clear if $httpd->log;
            my $has_come = $planted->plant($line, $work) or next;
            $come{ $line =~ s/ \d+\z//r } = 1;
            $count++;
            push @wrong, map { "$name, $line: $_" } grep { $_ } fault_of($name);

        }
        diag($_) for @wrong;
        is_deeply(\@wrong, [], "$name: $count panics are contained");
    }
    $httpd->stop;
    start();
    is(is_fine(), 1, 'the next server is fine');
    return;
}

# The panics at places that were passed.
sub lines_of {
    my ($passed, $times) = @_;
    my @lines;
    for my $place (sort keys %$passed) {
        my $last = $passed->{$place};
        push @lines, map { "$place $_" } $last <= $times ? 1 .. $last : (1 .. $times, $last);
    }
    return @lines;
}

# The fault of what httpd did when it panicked, or ''.
sub fault_of {
    my ($name) = @_;
    my $said  = sub { $httpd->log->lines, split /\n/, $httpd->stderr };
    # The line comes a moment after the panic.
    wait_until(sub { grep { /SC0595: / } $said->() }, PATIENCE);
    my @lines = $said->();
    return 'a secret in the log' if grep { /S3cr3t/ } @lines;
    return "the log does not say where: @lines" if !grep { /SC0595: a panic in / } @lines;
    return 'a crash' if grep { /exit signal|core dumped/ } @lines;
    if ($httpd->has_ended) {
        return $httpd->status & 127 ? 'httpd has died of signal ' . ($httpd->status & 127) : '';
    }
    return "httpd goes on after stop" if $name eq 'stop';
    if (grep { /contained in the agent;/ } @lines) {
        return 'no other agent' if !wait_until(sub { $httpd->log->lines(qr/SC0613/) }, PATIENCE);
    }
    return grep { $_ } map { fault_of_request($_) } qw(/jwe /classic /keys);
}

# The fault of a request with a session, or ''.
sub fault_of_request {
    my ($path) = @_;
    my $client = $httpd->client;
    my $token  = $path eq '/jwe' ? $jwe->token(session => SESSION) : '';
    for my $res ($client->get($path, session => $token), $client->get($path, 'X-S' => SESSION)) {
        return "$path: status " . $res->status if !grep { $res->status == $_ } 200, 500;
        return "$path: in clear" if join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user/;
    }
    return '';
}

sub is_fine {
    return 0 if $httpd->has_ended;
    my $client = $httpd->client;
    for my $path (qw(/jwe /classic /keys /rsa /life)) {
        my $token = $client->get($path, 'X-S' => SESSION)->token // return 0;
        return 0 if $client->get($path, session => $token)->body !~ /\Auser=joe/;
    }
    return 1;
}

sub start {
    local $ENV{LD_PRELOAD}           = $haste;
    local $ENV{SESSION_CRYPTO_PANIC} = $planted->file;
    $httpd->log->clear if $httpd->log;
    my $is_first = !$httpd->log;
    # A server that has failed has left it.
    unlink $httpd->dir . '/httpd.pid';
    my $starts   = eval { $httpd->start; 1 };
    expect_lines() if $is_first;
    return if !$starts;
    wait_until(sub { $httpd->has_ended || is_at_work() }, PATIENCE);
    return;
}

# Whether httpd has come to the end of a start or restart, with its agent and a child.
sub is_at_work {
    return $httpd->log->lines(qr/resuming normal operations/) && $httpd->log->lines(qr/SC0601|SC0595/) && has_child();
}

# Whether a child serves, which answers a line that is no request before it asks the module.
sub has_child { return !$httpd->has_ended && eval { $httpd->client->request('?', '')->status == 400 } }

# A panic stops httpd, a child that starts or a request, which says so in these lines.
sub expect_lines {
    my $log = $httpd->log;
    $log->expect(qr/\[(?:session|session_crypto|core|auth\w*)?:(?:emerg|alert|crit|error|warn)\]/, 'panics');
    $log->expect(qr/\AAH00(?:016|526): |\ASC0594: /, 'panics at a line of the configuration');
    $log->expect(qr/AH03490: /, 'a restart, where the one place for a child is not free yet');
    $log->expect(qr/\[session_crypto:info\] .* session (?:not )?refused/, 'a session of another realm, or without its device');
    $log->expect(qr/\[session_crypto:\w+\] .*SC(?:0534|0541|06\d\d): /, 'new keys, restarts and agents');
    return;
}

sub graceful {
    my %former = map { $_ => 1 } $httpd->children;
    kill USR1 => $httpd->pid;
    wait_until(sub { $httpd->has_ended || !grep({ $former{$_} } $httpd->children) && is_at_work() }, PATIENCE);
    return;
}

# A panic at each place that a request passes.
sub requests {
    my %request = request_kinds();
    for my $kind (sort keys %request) {
        my ($make, $is_normal, $keeps, $only) = $request{$kind}->@*;
        my (@wrong, $count);
        my $send;
        $send = $make->();
        my $res;
        my %passed = $planted->passed(sub { $res = $send->() });
        is($is_normal->($res), 1, "$kind: without a panic") or diag($res->text);
        my $shows = $res->body =~ /user=/;
        for my $line (grep { $_ =~ ($only // qr/./) } lines_of(\%passed, TIMES_OF_REQUEST)) {
            $send = $make->();
            $httpd->log->clear;
            my $has_come = $planted->plant($line, sub { $res = $send->() }) or next;
            $come{ $line =~ s/ \d+\z//r } = 1;
            $count++;
            push @wrong, map { "$kind, $line: $_" } grep { $_ } fault_of_answer($res, $shows, $make, $is_normal, $keeps);
        }
        diag($_) for @wrong;
        is_deeply(\@wrong, [], "$kind: $count panics are contained");
    }
    $httpd->log->clean;
    return;
}

# Requests by what is special about them: a function that makes one anew, with what keeps the
# server from knowing it already, and another that knows its normal answer.
sub request_kinds {
    my $day    = $jwe->day;
    my $is_in  = sub { $_[0]->status == 200 && $_[0]->body =~ /\A(?:expiry=\d+&)?user=joe/ ? 1 : 'not in' };
    my $is_out = sub { $_[0]->status == 200 && $_[0]->body !~ /user/ ? 1 : 'not out' };
    my $has_token = sub { length($_[0]->token // '') > 20 ? 1 : 'no token' };
    my $get    = sub { my @get = @_; return sub { $httpd->client->get(@get) } };
    my $login  = sub { $httpd->client->get($_[0], 'X-S' => SESSION)->token };
    my %kind = (
        map({ my $path = $_; ("a login at $path" => [sub { $get->($path, 'X-S' => SESSION) }, $has_token]) } qw(/classic /jwe /life /rsa /keys /in/)),
        map({ my $path = $_; ("a session at $path" => [sub { $get->($path, session => $login->($path)) }, $is_in, $path]) } qw(/classic /jwe /life /rsa /keys /in/)),
        'a session of another server' => [sub { $get->('/jwe', session => $jwe->token(session => SESSION, day => --$day)) }, $is_in, '/jwe'],
        'a session under another salt' => [sub { $get->('/first', session => $c->client->get('/', 'X-S' => SESSION)->token) }, $is_in, '/first'],
        'a session that has expired' => [sub { $get->('/life', session => $jwe->token(session => 'user=joe&expiry=1000000')) }, $is_out],
        'a logout'     => [sub { $get->('/life', session => $login->('/life'), 'X-S' => 'user=') },
            sub { my ($res) = @_; $httpd->client->get('/life', session => $res->token // 'none')->body !~ /user/ && defined $res->token ? 1 : 'not out' }],
        'a long token' => [sub { $get->('/jwe', 'X-S' => SESSION . '&x=' . 'x' x 6000) }, $has_token],
        'a request that leads to another' => [sub { $get->('/led', session => $jwe->token(session => SESSION)) },
            sub { $_[0]->status == 403 && $_[0]->body =~ /\Auser=joe/ ? 1 : 'not led' }, '/jwe'],
        'an error' => [sub { $get->('/refused', session => $login->('/jwe')) }, sub { $_[0]->status == 403 && $_[0]->body !~ /user/ ? 1 : 'no error' }, '/jwe'],
        'a request that leads to another realm' => [sub { $get->('/led', session => $login->('/classic')) },
            sub { $_[0]->status == 403 && $_[0]->body eq '' ? 1 : 'not led' }, '/classic'],
        # The module derives a bounded number of keys for an author of such files.
        'a passphrase of .htaccess' => [sub { author(SessionCryptoPassphrase => 'secret-' . ++$serial); $get->('/author/', 'X-S' => SESSION) }, $has_token, undef, qr/master_keys/],
        'an encrypted key of .htaccess' => [sub { author(encrypted()); $get->('/author/', 'X-S' => SESSION) }, $has_token, undef, qr/pairings/],
        'a page of the status' => [sub { $get->('/status') }, sub { $_[0]->status == 200 && $_[0]->body =~ /session/ ? 1 : 'no page' }],
        'a page of mod_status' => [sub { $get->('/server-status') }, sub { $_[0]->body =~ /Sessions|session/ ? 1 : 'no page' }],
        'keys that are new'    => [sub { new_keys(); wait_until(sub { $httpd->log->lines(qr/SC0541/) }, PATIENCE); $get->('/keys', 'X-S' => SESSION) }, $has_token],
    );
    return (%kind, device_kinds());
}

# A session that is bound to a device, as t/faults.t has it.
sub author {
    my @lines = @_ == 2 ? (jwe())[0, 2] : 'Session On';
    return $httpd->write_file('htdocs/author/.htaccess', join "\n", @lines, "@_\n");
}

# Lines about a key file that the module has not read.
sub encrypted {
    my $key = $httpd->dir . '/encrypted-' . ++$serial . '.key';
    key_in('encrypted PKCS#8', $rsa, $key, 'secret');
    return "SessionCryptoPassphrase secret\nSessionCryptoCertificateFile $rsa->{certificate}\nSessionCryptoCertificateKeyFile $key";
}

sub device_kinds {
    my $client   = $httpd->client;
    my $device   = SessionCrypto::DeviceRequests->new($client, 'P-256', SESSION);
    my ($session, $bound) = ($device->token, $device->bound);
    my $is_sent  = sub { $_[0]->status == 200 && grep({ /__(?:Secure|Host)-/ } $_[0]->header('set-cookie')) ? 1 : 'no cookies' };
    my $shows    = sub { my ($status) = @_; return sub { $_[0]->status == $status && $_[0]->body =~ /user=joe/ ? 1 : 'not in' } };
    my $get      = sub { my ($path) = @_; return sub { sub { $client->get($path, Cookie => "session=$session; $bound") } } };
    return (
        'a registration of a device' => [sub { sub { $device->register } }, $is_sent],
        'a refresh of a device'      => [sub { sub { $device->refresh } }, $is_sent],
        'a session with its device'  => [$get->('/device'), $shows->(200)],
        'a page for bound sessions'  => [$get->('/device/bound'), $shows->(200)],
        'a request that leads to another with a device' => [$get->('/device/led'), $shows->(403)],
    );
}

# The fault of an answer to a request with a panic, or ''.
sub fault_of_answer {
    my ($res, $shows, $make, $is_normal, $keeps) = @_;
    my @lines = $httpd->log->lines;
    return 'a secret in the log' if grep { /S3cr3t/ } @lines;
    return "no line: @lines" if !grep { /SC0595: a panic in / } @lines;
    return 'a crash' if grep { /exit signal|core dumped/ } @lines;
    return 'status ' . ($res->status // 'none') if !grep { ($res->status // 0) == $_ } 200, 401, 403, 500, 503;
    return 'in clear: ' . join(' ', map { $res->header($_) } qw(set-cookie x-s)) if join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user/;
    return 'a session on the page: ' . $res->body if !$shows && $res->body =~ /user=/;
    if (defined $keeps && defined $res->token) {
        my $kept = $httpd->client->get($keeps, session => $res->token)->body;
        return "a cookie of '$kept'" if $kept !~ /\buser=joe/;
    }
    my $next = $is_normal->($make->()->());
    return "the next request: $next" if $next ne '1';
    return '';
}

# Sections of each kind. Sessions are on where they are encrypted, and nowhere else.
sub server {
    my $httpd = SessionCrypto::Httpd->new(
        name    => 'panics', one_child => 1, module => SessionCrypto::Planted::module(), with => ['status'],
        echo    => '^/(?!status|server-status)',
        session => "SessionEnv On\nSessionHeader X-S\nSessionCookieName session path=/",
        config  => join "\n", 'ServerName https://127.0.0.1', "SessionCryptoRevocation @{[$store->url]} size=1000",
            section('/classic', 'Session On', 'SessionCryptoPassphrase other'),
            section('/first', 'Session On', 'SessionCryptoPassphrase secret'),
            section('/jwe', jwe()),
            section('/life', jwe(), 'SessionMaxAge 3600', 'SessionCryptoMaxLifetime 1h'),
            section('/keys', 'Session On', "SessionCryptoKeyFile keys.jwks"),
            section('/rsa', 'Session On', "SessionCryptoCertificateFile $rsa->{certificate}", "SessionCryptoCertificateKeyFile $rsa->{key}"),
            section('/led', 'Session On', 'SessionCryptoPassphrase other', 'ErrorDocument 403 /jwe/page', 'Require all denied'),
            section('/refused', jwe(), 'Require all denied'),
            section('/device', jwe(), 'SessionCryptoDevice enforce', 'SessionCryptoDevicePath /device/end'),
            section('/device/end', 'SetHandler session-crypto-device'),
            section('/device/bound', 'Require session-device bound'),
            section('/device/led', 'ErrorDocument 403 /device/page', 'Require all denied'),
            section('/status', 'SetHandler session-crypto-status'),
            section('/server-status', 'SetHandler server-status'),
    );
    $httpd->write_file('htdocs/in/.htaccess', join "\n", jwe(), "SessionCryptoCertificateFile $rsa->{certificate}", "SessionCryptoCertificateKeyFile $rsa->{key}\n");
    return $httpd;
}

sub jwe { return ('Session On', 'SessionCryptoPassphrase secret', 'SessionCryptoCipher aes-256-gcm') }

sub new_keys {
    my (@ends) = @_;
    my @keys = (key('first', k => 'A' x 43), key('key-' . ++$serial), @ends ? key("ends-$serial", @ends) : ());
    return $httpd->write_file('keys.jwks', key_set(@keys), 0600);
}
