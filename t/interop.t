# Sessions move between this module and the C module in both directions: under each
# cipher, with all lengths and bytes, and during a rotation of passphrases.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Session qw(encode decode random_session);

use constant { SESSIONS => 100, MAX_SIZE => 3000 };

my $seed = $ENV{SEED} // 20_240_801;
srand $seed;
note("SEED=$seed");

my $ours = SessionCrypto::Httpd->main;
my $c    = SessionCrypto::Httpd->new(
    name => 'c', module => 'c', session => '', config => qq(Include "@{[$ours->dir]}/conf/sessions.conf"))->start;
my %client = (ours => $ours->client, c => $c->client);

for my $cipher (qw(3des192 aes128 aes192 aes256)) {
    for my $direction (['c', 'ours'], ['ours', 'c']) {
        my ($sealer, $opener) = @$direction;
        my @failed = grep { !travels("/$cipher", $_, $sealer, $opener) } sessions();
        is(@failed, 0, SESSIONS . " sessions under $cipher sealed by $sealer, opened by $opener")
            or diag('the first: ' . encode($failed[0]));
    }
}

# The sizes where things go wrong, then every byte, then random sessions.
sub sessions {
    my @sessions = map { random_session($_) } 1 .. 20, MAX_SIZE;
    push @sessions, { every => join '', map { chr } 1 .. 255 };
    push @sessions, random_session(1 + int rand MAX_SIZE) while @sessions < SESSIONS;
    return @sessions;
}

sub travels {
    my ($path, $session, $sealer, $opener) = @_;
    my $token = $client{$sealer}->get($path, 'X-S' => encode($session))->token // return 0;
    my $found = decode($client{$opener}->get($path, session => $token)->body);
    return encode($found) eq encode($session);
}

# The rotation that logs nobody out: every server learns the new passphrase, then every
# server seals with it, then the old one goes. Servers are never all at the same step,
# so each step must open sessions of the steps beside it.
my @STEPS = qw(before prepare switch after);
my %opens = (
    before  => [qw(before prepare switch)],
    prepare => [qw(before prepare switch)],
    switch  => [qw(prepare switch after)],
    after   => [qw(prepare switch after)],
);
for my $step (@STEPS) {
    for my $direction (['c', 'ours'], ['ours', 'c']) {
        my ($sealer, $opener) = @$direction;
        my $token = $client{$sealer}->get("/rotate/$step", 'X-S' => 'user=joe')->token;
        my @opens = grep { $client{$opener}->get("/rotate/$_", session => $token)->body eq 'user=joe' } @STEPS;
        is_deeply(\@opens, $opens{$step}, "a session sealed by $sealer at '$step' opens on $opener at @opens");
    }
}

# A user who comes back with a session under the old passphrase gets it under the new
# one. The old one can go when no older session lives.
{
    my $old = $client{c}->get('/rotate/before', 'X-S' => 'user=joe')->token;
    my $new = $client{ours}->get('/rotate/switch', session => $old)->token;
    isnt($new // $old, $old, 'a session under the old key is sealed again');
    is($client{$_}->get('/rotate/after', session => $new // '')->body, 'user=joe', "under the new one, for $_")
        for sort keys %client;
    is($client{ours}->get('/rotate/switch', session => $new // '')->token, undef, 'and only once');
}

$c->stop;
$ours->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a session under a key that is not there');
$ours->log->expect(qr/browsers may drop the cookie/, 'sessions that no cookie would take');
$c->log->expect(qr/AH01840|AH01842|AH01817/, 'the same, as the C module says it');
$ours->log->clean('nothing unexpected in error_log of ours');
$c->log->clean('nothing unexpected in error_log of the C module');

done_testing;
