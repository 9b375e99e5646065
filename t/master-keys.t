# A JWE master key takes a tenth of a second, and each server derives it once: in the
# parent, before httpd answers any request. The parent cannot know passphrases of
# .htaccess. Their keys have a rate that no visitor and no author can exceed.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Httpd   ();
use SessionCrypto::Jwe     ();
use SessionCrypto::Waiting qw(wait_until);

use constant {
    # More than a processor derives in the time of any request.
    PASSPHRASES => 40,
    HTACCESS    => 32,
    # The keys of one author at once, half of them for opening tokens. See
    # core/src/passphrase/allowance.rs.
    BURST    => 8,
    INTERVAL => 10,
    SECONDS  => 60,
    # Processor time: a fraction of what PASSPHRASES keys take.
    LITTLE => 1.5,
};

my $told = 0;
my @passphrases = map { "passphrase-$_" } 1 .. PASSPHRASES;
my $httpd = SessionCrypto::Httpd->new(name => 'master-keys', one_child => 1, config => <<'END');
SessionCryptoCipher aes-256-gcm
<Location /server>
    SessionCryptoPassphraseFile keys
</Location>
<Location /same>
    SessionCryptoPassphraseFile keys
</Location>
<Location /classic>
    SessionCryptoCipher aes256
    SessionCryptoPassphrase classic
</Location>
END
write_keys(@passphrases);
$httpd->write_file('htdocs/junk/.htaccess', passphrase_line(map { "junk-$_" } 1 .. HTACCESS));
$httpd->write_file('htdocs/own/.htaccess',  passphrase_line('own'));

my ($ok, $output);
cmp_ok(processor_time(sub { ($ok, $output) = $httpd->check }), '<', LITTLE, 'httpd -t derives nothing');
ok($ok, 'and accepts the configuration') or diag($output);
unlike($output, qr/derived/, 'nor does it say so');

my $junk = SessionCrypto::Jwe->new(passphrase => 'unknown')->token(session => 'user=mallory');
my $last = SessionCrypto::Jwe->new(passphrase => $passphrases[-1])->token(session => 'user=joe');

# In the parent.
$httpd->start;
$httpd->log->expect(qr/SessionCryptoCipher does nothing/, 'passphrases of .htaccess are unknown at startup');
my $client = $httpd->client;
is_deeply([derived()], [PASSPHRASES], 'the parent derives every passphrase once, and says so once');
is_at_the_right_level($_) for $httpd->log->lines(SessionCrypto::ErrorLog::DERIVED);
for my $path (qw(/server /same)) {
    is($client->get($path, session => $junk)->body, '', "$path: the first junk token is refused") for 1 .. 3;
    is($client->get($path, session => $last)->body, 'user=joe', 'the last passphrase opens');
    is($client->get($path, 'X-S' => 'user=jane')->body, '', 'the first seals');
}
is(waited(), 0, 'and no request derived a key');

$httpd->restart;
is_deeply([derived()], [], 'a graceful restart derives nothing, and says nothing');
is($client->get('/server', session => $junk)->body, '', 'junk is refused');
is($client->get('/server', session => $last)->body, 'user=joe', 'the keys are there');
is(waited(), 0, 'and no request derived one');

write_keys('new', @passphrases[2 .. $#passphrases]);
$httpd->restart;
is_deeply([derived()], [1], 'a restart derives the key of a new passphrase only');
write_keys(@passphrases);
$httpd->restart;
is_deeply([derived()], [2], 'a restart keeps no key of a passphrase that is not configured');
is($client->get('/server', session => $last)->body, 'user=joe', 'and the others are there');
is(waited(), 0, 'no request derived one');

# In .htaccess: visitors.
my $start = time;
for (1 .. 20) {
    is($client->get('/junk/', session => $junk)->body, '', 'junk for a .htaccess with many passphrases is refused');
}
ok($client->get('/junk/', 'X-S' => 'user=joe')->token, 'its first passphrase seals');
is(waited(), 0, 'with the key that junk has made the server derive');
my $own = $client->get('/own/', 'X-S' => 'user=joe')->token;
ok($own, 'junk has left keys for sealing');
is(waited(), 1, 'which takes one of them');

# One key a server, which the next child has as well.
my ($child) = $httpd->children;
# A child of mpm_event stops at its parent's word, and ignores SIGTERM.
kill KILL => $child;
wait_until(sub { my ($next) = $httpd->children; $next && $next != $child && eval { $client->get('/clear')->status == 200 } }, SECONDS)
    or BAIL_OUT("not after @{[SECONDS]} s");
is($client->get('/own/', session => $own)->body, 'user=joe', 'another child opens the session');
ok($client->get('/own/', 'X-S' => 'user=joe')->token, 'and seals it');
is(waited(), 1, 'with the key that the child before it derived');

$httpd->restart;
is($client->get('/own/', session => $own)->body, 'user=joe', 'a restart keeps the keys of .htaccess');
ok($client->get('/own/', 'X-S' => 'user=joe')->token, 'and they still seal');
is(waited(), 1, 'and are not derived again');
is_deeply([derived()], [], 'nor by the parent');

# In .htaccess: an author.
my $sealed = 0;
for my $number (1 .. 30) {
    $httpd->write_file('htdocs/own/.htaccess', passphrase_line("own-$number"));
    my $token = $client->get('/own/', 'X-S' => 'user=joe')->token;
    $sealed++ if $token;
}
cmp_ok($sealed, '>=', BURST / 2 - 1, "an author with 30 passphrases in turn gets $sealed keys: those that junk has left");
cmp_ok($sealed, '<=', allowed(BURST / 2, $start), 'and no more');
is(waited(), 1 + $sealed, 'each for a session that was sealed');
my $refused = () = $httpd->log->lines(qr/\[session_crypto:error\] .*session not sealed, and not saved: the key of its passphrase is not derived yet, .*: wait for some seconds, or set the passphrase in the server configuration/);
is($refused, 30 - $sealed, 'a line says why the others were not');
$httpd->write_file('htdocs/own/.htaccess', passphrase_line('own'));
is($client->get('/own/', session => $own)->body, 'user=joe', 'the key from before still opens');
ok($client->get('/server', 'X-S' => 'user=joe')->token, 'and the server seals');

$httpd->log->expect(qr/\[session_crypto:info\] .*no passphrase of this section has the token's key id/, 'junk');
$httpd->log->expect(qr/exit signal Killed/, 'the child that was killed');
$httpd->log->expect(qr/not derived yet/, 'keys above the rate');
$httpd->log->expect(qr/AH01820/, 'as mod_session says it');
$httpd->log->clean;

done_testing;

sub write_keys { $httpd->write_file('keys', join('', map { "$_\n" } @_), 0600); return }

sub passphrase_line { return "SessionCryptoPassphrase @_\n" }

# The processor time of the children of this process that came and went.
sub processor_time {
    my ($run) = @_;
    my @before = times;
    $run->();
    my @after = times;
    return $after[2] + $after[3] - $before[2] - $before[3];
}

# The numbers in the lines about derived keys since the last call.
sub derived {
    my @all = map { $_ =~ SessionCrypto::ErrorLog::DERIVED } $httpd->log->lines(SessionCrypto::ErrorLog::DERIVED);
    my @new = @all[$told .. $#all];
    $told = @all;
    return @new;
}

# A start of more than a second is a notice with advice. Some machines are fast enough for
# a start without.
sub is_at_the_right_level {
    my ($line) = @_;
    my ($level, $seconds, $advice) = $line =~ /\[session_crypto:(\w+)\] .* in ([\d.]+) s(.*)/;
    my $is_long = $seconds > 1 || ($seconds == 1 && $level eq 'notice');
    is($level, $is_long ? 'notice' : 'info', "$seconds s are worth a line at this level");
    my $words = $is_long ? qr/nobody was served meanwhile; .*restart gracefully .*share a passphrase\z/ : qr/\A; graceful restarts keep them\z/;
    like($advice, $words, 'with these words');
    return;
}

# The number of requests that had to wait for a key.
sub waited { return scalar(() = $httpd->log->lines(qr/a key was derived/)) }

# The number of keys that one author has, as time goes on.
sub allowed {
    my ($burst, $start) = @_;
    return $burst + int((time - $start) / INTERVAL) + 1;
}
