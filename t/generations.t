# After a graceful restart, a line says when the last process of the former
# configuration has ended. From then on, no process seals under the old passphrase.

use strict;
use warnings;

use IO::Socket::INET ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Httpd   ();
use SessionCrypto::Preload qw(preload);

use constant {
    # A parent in haste looks four times a second.
    SOME_LOOKS => 3,
    SECONDS  => 60,
    LINE     => qr/\[session_crypto:notice\] .*no process of a former configuration is left, all have that of \w{3} /,
};

my $httpd = SessionCrypto::Httpd->new(config => "SessionCryptoPassphraseFile keys\n");
$httpd->write_file('keys', "the old passphrase of this server\n", 0600);
{
    local $ENV{LD_PRELOAD} = preload($httpd->dir, 'haste');
    $httpd->start;
}

# A request that never ends keeps a child of the old configuration.
my $open = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $httpd->port) or die "connect: $!\n";
print {$open} "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n";
$open->flush;
is($httpd->client->get('/')->status, 200, 'the server answers');

my %former = map { $_ => 1 } $httpd->children;
$httpd->graceful;
sleep SOME_LOOKS;
ok((grep { $former{$_} } $httpd->children), 'a process of the former configuration is left');
is(scalar(() = $httpd->log->lines(LINE)), 0, 'and no line says that it has ended');

close $open;
my $deadline = time + SECONDS;
sleep 0.1 while !$httpd->log->lines(LINE) && time < $deadline;
is(scalar(() = $httpd->log->lines(LINE)), 1, 'when it has ended, one line says so');
is_deeply([grep { $former{$_} } $httpd->children], [], 'and none is left');

$httpd->stop;
$httpd->log->expect(LINE, 'the line under test');
$httpd->log->clean;

done_testing;

