# A flood of junk cookies hides nobody: the error log gets a few lines that say how many were
# left out, the counters count each cookie, and one targeted forgery among them is found by its
# note in the access log.
#
# SESSION_CRYPTO_FULL=1 sends 100,000 cookies, and not 6,400.

use strict;
use warnings;

use JSON::PP ();
use Socket   qw(INADDR_LOOPBACK PF_INET SOCK_STREAM SOL_SOCKET SO_RCVTIMEO pack_sockaddr_in);
use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Clients qw(start_client stop_client);
use SessionCrypto::Httpd   ();
use SessionCrypto::Refusal qw(flipped replaced);
use SessionCrypto::System  qw(read_file);
use SessionCrypto::Waiting qw(wait_until);

use constant {
    CLIENTS => 4,
    # Cookies of each kind that a client sends.
    EACH => $ENV{SESSION_CRYPTO_FULL} ? 12_500 : 800,
    # The requests that a client sends before it waits for the answers.
    AT_ONCE => 20,
    # Seconds that a client waits for an answer.
    PATIENCE => 60,
};

# LogLevel debug would bring the lines that are left out.
my $httpd = SessionCrypto::Httpd->new(name => 'flood', loglevel => 'info', echo => '^/(?!status|missing)', config => <<'END');
KeepAlive On
MaxKeepAliveRequests 0
<Location "/status">
    SetHandler session-crypto-status
</Location>
<LocationMatch "^/(?:app|missing)">
    SessionCryptoPassphrase "the passphrase of this test"
    SessionCryptoCipher aes-256-gcm
</LocationMatch>
<Location "/missing">
    ErrorDocument 404 /plain
</Location>
<Location "/plain">
    Session Off
</Location>
LogFormat "%U %{session-crypto}n" outcomes
CustomLog access_log outcomes
END
$httpd->start;
my $client = $httpd->client;

my $token = $client->get('/app', 'X-S' => 'user=mallory')->token // BAIL_OUT('no session');
my $forged = replaced(4, flipped((split /\./, $token)[4], 3), $token);
my %junk = (
    encoding => ["*$token", 'SC0101'],
    parts    => ['A.B', 'SC0103'],
);

my $begin   = time;
my @clients = map { my $target = $_; start_client(sub { return flood($target) }) } $forged, (undef) x (CLIENTS - 1);
my @pages   = map { stop_client($_) } @clients;
my $lasted  = time - $begin;
is_deeply(\@pages, [2 * EACH + 1, (2 * EACH) x (CLIENTS - 1)], 'each cookie gets a page with an empty session');
# A flood touches so many seconds of the clock at most.
my $seconds = 2 + int $lasted;

my $sent    = CLIENTS * EACH;
my $refused = JSON::PP::decode_json($client->get('/status?json')->body)->{counters}{refused};
is($refused->{$_}, $sent, "the counters are exact: $_") for sort keys %junk;
is($refused->{tag}, 1, 'the counters have the forgery');

my $lines = scalar(() = $httpd->log->lines(qr/: session refused/));
note(sprintf '%d cookies in %.1f s: %d lines', 2 * $sent + 1, $lasted, $lines);
for my $reason (sort keys %junk) {
    my $lines = lines_of($reason);
    cmp_ok($lines, '>=', 1, "$reason: lines in the error log");
    cmp_ok($lines, '<=', $seconds, 'at most one a second for the whole server');
}
is(scalar(() = $httpd->log->lines(qr/\] SC0112: session refused/)), 1, 'a line for the forgery');
# Two codes with one line a second each, and the line for the forgery: a longer flood may have
# 100 lines.
cmp_ok($lines, '<', 100, 'fewer than 100 lines in all') if $lasted < 48;

# A request after the flood brings the number of the last lines that were left out.
my $over = time + 1;
wait_until(sub { time > $over }, 2);
for my $reason (sort keys %junk) {
    $client->get('/app/after', session => $junk{$reason}[0]);
    my $told = 0;
    $told += 1 + (/; (\d+) such lines before it were left out$/ ? $1 : 0) for lines_of($reason);
    is($told, $sent + 1, "$reason: the lines say how many were left out");
}

$client->get('/app/good', session => $token);
$client->get('/missing', session => $forged);
$httpd->stop;

my @access = split /\n/, read_file($httpd->dir . '/access_log');
is_deeply([grep { /SC0112/ } @access], ['/app/target SC0112', '/missing SC0112'],
    'the access log has the forgery, and that of a request with an error document');
for my $reason (sort keys %junk) {
    my $code = $junk{$reason}[1];
    is(scalar(grep { $_ eq "/app/junk $code" } @access), $sent, "each cookie of the flood has its note: $code");
}
is_deeply([grep { m{^/app/good} } @access], ['/app/good -'], 'a good session has none');

$httpd->log->expect(qr/\] SC01\d\d: session refused/, 'the flood');
$httpd->log->clean;
done_testing;

# Sends a client's part of the flood over one connection, and a forgery in the middle of it.
# Returns the number of pages with an empty session, or what failed.
sub flood {
    my ($forgery) = @_;
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or return "socket: $!";
    setsockopt($socket, SOL_SOCKET, SO_RCVTIMEO, pack 'l!l!', PATIENCE, 0) or return "setsockopt: $!";
    connect($socket, pack_sockaddr_in($httpd->port, INADDR_LOOPBACK)) or return "connect: $!";
    my @junk = (map { request('/app/junk', $_->[0]) } values %junk) x AT_ONCE;
    my ($pages, $turns) = (0, EACH / AT_ONCE);
    for my $turn (1 .. $turns) {
        my @requests = @junk;
        push @requests, request('/app/target', $forgery) if defined $forgery && $turn == int $turns / 2;
        syswrite $socket, join('', @requests) or return "write: $!";
        my $answers = '';
        while ((() = $answers =~ /\r\n\r\n/g) < @requests) {
            sysread $socket, $answers, 65536, length $answers or return "$pages pages, and then: $!";
        }
        $pages += grep { m{^HTTP/1\.1 200 .*\r\nContent-Length: 0(?:\r\n|$)}s } split /\r\n\r\n/, $answers;
    }
    return $pages;
}

sub request {
    my ($path, $token) = @_;
    return "GET $path HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session=$token\r\n\r\n";
}

# The lines of the error log about refusals for a reason.
sub lines_of {
    my ($reason) = @_;
    return $httpd->log->lines(qr/\] $junk{$reason}[1]: session refused/);
}
