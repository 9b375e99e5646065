# While httpd answers a request, a call fails that the module makes: OpenSSL has no memory,
# there are no random bytes, or a file cannot be read. In each format, a session is saved or
# it is not, and opens or does not; nothing goes out in clear, no cookie is lost, and a line
# blames this host. The next request succeeds. If the module itself has no memory, its process
# ends as httpd's would, and another one goes on.
#
# t/faults.t has each function of OpenSSL fail.

use strict;
use warnings;

use File::Copy qw(copy);
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(key_in);
use SessionCrypto::DeviceRequests ();
use SessionCrypto::FaultyServer   ();
use SessionCrypto::Faults         ();
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            ();
use SessionCrypto::Waiting        qw(wait_until);

use constant SECONDS => 30;
# The most calls of a sample.
use constant SAMPLE => 20;
use constant SECRET  => SessionCrypto::FaultyServer::SECRET;
use constant SESSION => SessionCrypto::FaultyServer::SESSION;

my $faults = SessionCrypto::Faults->new;
my $server = SessionCrypto::FaultyServer->new($faults, name => 'faults-request');
my $httpd  = $server->httpd;
my $dir    = $httpd->dir;
my $c      = SessionCrypto::Httpd->new(name => 'faults-request-c', module => 'c', config => "SessionMaxAge 3600\nSessionCryptoPassphrase @{[SECRET]}-new")->start;
my $jwe    = SessionCrypto::Jwe->new(passphrase => SECRET . '-printed');
my %pair   = map { $_ => { certificate => "$dir/$_.pem", key => "$dir/$_.key" } } qw(rsa ec);
my %key    = map { $_ => SessionCrypto::CertificateJwe->new(%{ $pair{$_} }) } sort keys %pair;
my $day    = $jwe->day;

# Tokens under keys that the server does not know yet: it keeps known ones.
my %foreign = (
    classic  => sub { $c->client->get('/', 'X-S' => SESSION)->token },
    program  => sub { $jwe->token(session => SESSION, day => --$day) },
    provider => sub { $key{ec}->token(session => SESSION) },
    rsa      => sub { $key{rsa}->token(session => SESSION) },
    ec       => sub { $key{ec}->token(session => SESSION) },
);

ok($server->start(steady => 1), 'the configuration starts') or BAIL_OUT(join "\n", $httpd->{output} // '', $httpd->log->lines);
is($server->wrong, '', 'and encrypts');
my $client = $httpd->client;
my %calls;

for my $path ($server->paths) {
    my $own = $client->get("/$path", 'X-S' => SESSION)->token;
    # A new process makes more calls: it has no random bytes and no contexts yet.
    each_call("/$path, a login", $_, SAMPLE / 2, sub { $server->restart; login($path, @_) }) for $path =~ /classic|program|rsa/ ? qw(memory random) : ();
    each_call("/$path, a session", memory => SAMPLE, sub { look("/$path", $own, [200], @_) });
    # Without memory for a copy of a context, OpenSSL says no to a signature, and no error:
    # one call of some hundred, so none is left out.
    each_call("/$path, a session of others", memory => $path eq 'ec' ? 0 : SAMPLE, sub { look("/$path", $foreign{$path}->(), [200], @_) }) if $foreign{$path};
}

# A browser deletes its side of a session at another status than 503.
for my $kind ('P-256', 'rsa:2048') {
    my $device = SessionCrypto::DeviceRequests->new($client, $kind, SESSION);
    for (['a registration', sub { $device->register }], ['a refresh', sub { $device->refresh }]) {
        my ($what, $request) = @$_;
        each_call("$what of $kind", memory => SAMPLE, sub {
            my ($name, $res, @log) = armed(@_, $request) or return;
            return ($name,
                $res->status == 200 ? '' : $res->status == 503 ? lines_of(\@log, qr/./) : 'status ' . $res->status,
                $request->()->status == 200 ? '' : 'the next one',
                $server->wrong_lines(@log));
        });
    }
}

# A request reads the certificates and keys of .htaccess, and reads them again after a change.
my %FORM = (rsa => 'PKCS#8 in DER', ec => 'traditional');
for my $kind (sort keys %FORM) {
    key_in($FORM{$kind}, $pair{$kind}, "$dir/$kind-files.in");
    $httpd->write_file("htdocs/$kind-files/.htaccess", join "\n", 'Session On', "SessionCryptoCertificateFile $dir/$kind-files.pem",
        "SessionCryptoCertificateKeyFile $dir/$kind-files.key\n");
    for my $class (qw(files memory openssl system)) {
        each_call("the .htaccess file of $kind", $class, SAMPLE, sub {
            # New files, by their inodes.
            renew($pair{$kind}{certificate}, "$dir/$kind-files.pem");
            renew("$dir/$kind-files.in",     "$dir/$kind-files.key");
            return look("/$kind-files/", $key{$kind}->token(session => SESSION), [200, 500], @_);
        });
    }
}

# At least so many of each class, or the library does not see the calls.
my %FLOOR = (files => 8, memory => 400, openssl => 30, random => 2);
cmp_ok($calls{$_} // 0, '>=', $FLOOR{$_}, "$_: $calls{$_} calls have failed") for sort keys %FLOOR;
$httpd->log->clear;

subtest 'no memory for the module itself' => sub {
    my $ends = 0;
    for my $path (qw(classic program rsa)) {
        my $own = $client->get("/$path", 'X-S' => SESSION)->token;
        for my $nth (1, 2, 4) {
            for my $headers (['X-S' => SESSION], [session => $own]) {
                $faults->arm(rust => $nth, only => -$httpd->pid);
                my $res  = $client->get("/$path", @$headers);
                my $name = $faults->disarm // next;
                $ends++ if $res->text eq '';
                is(clear_in($res), '', "/$path, call $nth: nothing in clear");
                my $next;
                ok(wait_until(sub { $next = $client->get("/$path", session => $own); $next->status == 200 }, SECONDS), 'the next request');
                like($next->body, qr/\A(?:expiry=\d+&)?user=joe/, 'has its session');
            }
        }
    }
    cmp_ok($ends, '>=', 3, "$ends processes have ended");
    ok(wait_until(sub { $ends == grep { /^memory allocation of \d+ bytes failed/ } $httpd->log->lines }, SECONDS), 'and the log says so of each');
};

$c->stop;
$httpd->stop;
# A process without memory leaves a core file, if the system lets it.
unlink glob "$dir/core*";

done_testing;

sub each_call {
    my ($what, $class, $most, $work) = @_;
    my $done = $faults->each_call($class, $most, sub { $work->($class, @_) });
    $calls{$class} += $done->{count};
    is($done->{wrong}, 0, "$what: $done->{count} calls of $class that fail harm nobody");
    return;
}

# A request in which the Nth call fails. Empty if there are fewer.
sub armed {
    my ($class, $nth, $request) = @_;
    $faults->arm($class, $nth, only => -$httpd->pid);
    $httpd->log->clear;
    my $res  = $request->();
    my $name = $faults->disarm // return;
    return ($name, $res, $httpd->log->lines);
}

sub login {
    my ($path, $class, $nth) = @_;
    my $login = sub { $client->get("/$path", 'X-S' => SESSION) };
    my ($name, $res, @log) = armed($class, $nth, $login) or return;
    my $token = $res->token;
    return ($name,
        $res->status == 200 ? '' : 'status ' . $res->status,
        clear_in($res),
        defined $token ? is_opened($path, $token) : lines_of(\@log, qr/session not sealed, and not saved: /),
        is_opened($path, $login->()->token),
        $server->wrong_lines(@log));
}

# A request with a session.
sub look {
    my ($path, $token, $statuses, $class, $nth) = @_;
    my $look = sub { $client->get($path, session => $token) };
    my ($name, $res, @log) = armed($class, $nth, $look) or return;
    my $next = $look->();
    my $has  = $res->status == 200 && $res->body =~ /user=joe/;
    return ($name,
        (grep { $_ == $res->status } @$statuses) ? '' : 'status ' . $res->status,
        clear_in($res),
        $res->status != 200 || $res->body =~ /\A(?:(?:expiry=\d+&?)?(?:user=joe\b.*)?)\z/ ? '' : 'a body: ' . $res->body,
        defined $res->token ? is_opened($path =~ s{^/}{}r, $res->token) : '',
        $has ? '' : lines_of(\@log, qr/./),
        $next->status == 200 && $next->body =~ /user=joe/ ? '' : join("\n", 'the next request: ' . $next->status, $httpd->log->lines),
        $server->wrong_lines(@log));
}

# The fault of a token, or ''.
sub is_opened {
    my ($path, $token) = @_;
    my $body = $client->get("/$path", session => $token // '')->body;
    return $body =~ /\A(?:expiry=\d+&)?user=joe\b/ ? '' : "a session of '$body'";
}

# The fault of the lines of a failure, or '': there are some, and each blames this host.
sub lines_of {
    my ($log, $pattern) = @_;
    # The end of the processes before a restart is no failure, and SC0851 points at the line of one.
    my @lines   = grep { !/SC0534|SC0851/ && (/\[session_crypto:(?!debug)/ || /\[core:alert/) } @$log;
    my @blaming = grep { /:(?:error|alert)\]/ && !/refused/ } @lines;
    return @blaming && @blaming == @lines && (grep { $_ =~ $pattern } @lines) ? '' : "error_log: @$log";
}

sub clear_in {
    my ($res) = @_;
    return join(' ', map { $res->header($_) } qw(set-cookie x-s)) =~ /user=joe/ ? 'in clear' : '';
}

sub renew {
    my ($from, $to) = @_;
    copy($from, "$to.new") && rename "$to.new", $to or die "$to: $!\n";
    return;
}
