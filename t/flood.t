# A flood of junk cookies hides nobody: the error log gets a few lines that say how many were
# left out, the counters count each cookie, and one targeted forgery among them is found by its
# note in the access log.

use strict;
use warnings;

use JSON::PP ();
use POSIX    ();
use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Httpd   ();
use SessionCrypto::Refusal qw(flipped replaced);
use SessionCrypto::System  qw(read_file);

use constant {
    CLIENTS => 4,
    # Requests of each client.
    EACH => 800,
};

# LogLevel debug would bring the lines that are left out.
my $httpd = SessionCrypto::Httpd->new(name => 'flood', loglevel => 'info', echo => '^/(?!status|missing)', config => <<'END');
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

my $begin = time;
my @clients;
for my $number (1 .. CLIENTS) {
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        my $failed = 0;
        for my $request (1 .. EACH) {
            my ($junk) = @{ $junk{ (sort keys %junk)[$request % 2] } };
            $failed++ if eval { $client->get('/app/junk', session => $junk)->body } // 'none';
            # The forgery comes in the middle of the flood.
            $client->get('/app/target', session => $forged) if $number == 1 && $request == EACH / 2;
        }
        POSIX::_exit($failed ? 1 : 0);
    }
    push @clients, $pid;
}
for my $pid (@clients) {
    waitpid $pid, 0;
    is($?, 0, 'a client gets an empty session for each junk cookie');
}
my $seconds = int(time - $begin) + 2;

my $sent    = CLIENTS * EACH / 2;
my $refused = JSON::PP::decode_json($client->get('/status?json')->body)->{counters}{refused};
is($refused->{$_}, $sent, "the counters are exact: $_") for sort keys %junk;
is($refused->{tag}, 1, 'the counters have the forgery');

for my $reason (sort keys %junk) {
    my $code  = $junk{$reason}[1];
    my @lines = $httpd->log->lines(qr/\] $code: session refused/);
    cmp_ok(scalar @lines, '>=', 1, "$reason: lines in the error log");
    cmp_ok(scalar @lines, '<=', $seconds, 'at most one a second for the whole server');
    # What comes after the flood brings the number of the last lines.
    sleep 1;
    $client->get('/app/after', session => $junk{$reason}[0]);
    @lines = $httpd->log->lines(qr/\] $code: session refused/);
    my $told = 0;
    $told += 1 + (/; (\d+) such lines before it were left out$/ ? $1 : 0) for @lines;
    is($told, $sent + 1, 'which say how many were left out');
}
is(scalar(() = $httpd->log->lines(qr/\] SC0112: session refused/)), 1, 'a line for the forgery');

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
